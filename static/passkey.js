// Has the browser create or use a passkey, and submits its answer: <form data-passkey="create|get">.
// The form holds the options as JSON, an empty field “credential”, and an element for what fails.

const PROBLEMS = {
  InvalidStateError: "This device or password manager already has a passkey of yours.",
  NotAllowedError: "The passkey was not used: the request was canceled or timed out. Try again.",
  SecurityError: "The browser does not allow passkeys at this address. Ask the operator of Ramp.",
};
const UNSUPPORTED = "This browser cannot use passkeys. Update it, or use another one.";

const ceremonies = {
  create: (options) =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    }),
  get: (options) =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    }),
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[role=alert]");
    problem.textContent = "";
    if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
      problem.textContent = UNSUPPORTED;
      return;
    }
    try {
      const options = JSON.parse(form.querySelector("script").textContent);
      const answer = await ceremonies[form.dataset.passkey](options);
      form.elements.credential.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (error) {
      problem.textContent = PROBLEMS[error.name] ?? `The passkey failed: ${error.message}`;
    }
  });
}
