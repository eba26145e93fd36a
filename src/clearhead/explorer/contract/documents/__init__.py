"""Documents written from the contract: the OpenAPI document and the page's TypeScript."""
