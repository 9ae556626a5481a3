// An oidc-provider on a port of loopback; who its people are is read from a file each time.
import { readFileSync } from "node:fs"
import Provider from "oidc-provider"

const [port, people] = process.argv.slice(2)

function findAccount(context, login) {
  const known = JSON.parse(readFileSync(people))[login]
  return known && { accountId: known.sub, claims: () => known }
}

// Its own protection against loopback, which is where all of a test runs.
function fetchAnywhere(url, { dispatcher, ...options }) {
  return fetch(url, options)
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    groups: ["groups"],
    profile: ["name", "given_name", "family_name"],
  },
  cookies: { keys: ["of the tests"] },
  features: {
    backchannelLogout: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
  },
  fetch: fetchAnywhere,
  findAccount,
})

for (const event of ["server_error", "grant.error", "backchannel.error"]) {
  provider.on(event, (context, error) => console.error(event, error))
}
provider.listen(Number(port), "127.0.0.1")
