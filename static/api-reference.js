// Shows the OpenAPI schema in Swagger UI, in the theme that was chosen on Ramp's other pages.
"use strict";

const chosen = JSON.parse(localStorage.getItem("adminTheme") || '"auto"');
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = chosen === "dark" || (chosen === "auto" && system.matches);
document.documentElement.classList.toggle("dark", isDark);
document.documentElement.classList.toggle("dark-mode", isDark);

const reference = document.getElementById("reference");
SwaggerUIBundle({
  url: reference.dataset.schema,
  domNode: reference,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  tagsSorter: "alpha",
  // The default would ask a server of Swagger.
  validatorUrl: null,
});
