# The process: LemonLDAP::NG's portal, whose demonstration accounts are those of $PEOPLE.
use strict;
use warnings;
use JSON qw(decode_json);
use Lemonldap::NG::Portal::Main;
use Lemonldap::NG::Portal::UserDB::Demo;

my $portal = Lemonldap::NG::Portal::Main->run( {} );

sub {
    open my $file, '<', $ENV{PEOPLE} or die "$ENV{PEOPLE}: $!";
    my $people = decode_json( do { local $/; <$file> } );
    my %groups;
    for my $login ( keys %$people ) {
        push @{ $groups{$_} }, $login for @{ $people->{$login}{groups} };
    }
    %Lemonldap::NG::Portal::UserDB::Demo::demoAccounts = %$people;
    %Lemonldap::NG::Portal::UserDB::Demo::demoGroups   = %groups;
    return $portal->(@_);
};
