// The JSON Schema of a workflow, from n8n's own description of its public API.

/** `{$ref, components}` with only the schemas that a workflow needs, in JSON Schema's terms. */
export function workflowSchema({ readText, yaml }) {
  const api = yaml.parse(readText('n8n', 'dist', 'public-api', 'v1', 'openapi.yml'));
  const wanted = {};
  collect(api.components.schemas, 'workflow', wanted);
  return { $ref: '#/components/schemas/workflow', components: { schemas: wanted } };
}

function collect(schemas, name, wanted) {
  if (name in wanted) return;
  wanted[name] = withoutNullable(schemas[name]);
  for (const reference of JSON.stringify(schemas[name]).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    collect(schemas, reference[1], wanted);
  }
}

/** OpenAPI 3.0 says `nullable: true` where JSON Schema lists the type "null". */
function withoutNullable(schema) {
  if (Array.isArray(schema)) return schema.map(withoutNullable);
  if (schema === null || typeof schema !== 'object') return schema;
  const { nullable, example, ...rest } = schema;
  const plain = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withoutNullable(value)]));
  return nullable === true && typeof plain.type === 'string' ? { ...plain, type: [plain.type, 'null'] } : plain;
}
