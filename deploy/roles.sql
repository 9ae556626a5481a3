-- Creates the database and its two roles, in a new PostgreSQL and as its superuser:
--   RAMP_OWNER_PASSWORD=… RAMP_APP_PASSWORD=… psql --file deploy/roles.sql
\set ON_ERROR_STOP on
\getenv owner_password RAMP_OWNER_PASSWORD
\getenv app_password RAMP_APP_PASSWORD

-- Owns the tables, migrates them and makes backups.
CREATE ROLE ramp LOGIN PASSWORD :'owner_password';
-- Runs Ramp. Row-level security limits it to one company at a time.
CREATE ROLE ramp_app LOGIN PASSWORD :'app_password';
CREATE DATABASE ramp OWNER ramp;

\connect ramp
-- Without this, row-level security makes each search read all people of a company.
ALTER FUNCTION pg_catalog.upper(text) LEAKPROOF;
ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF;
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
