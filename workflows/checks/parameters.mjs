// Parameters and credentials of a node against the description of its type.

export function parameterProblems({ engine }, node, nodeType) {
  const { description } = nodeType;
  const values = effectiveParameters(engine, node, description);
  const completed = { ...node, parameters: values };
  return [
    ...droppedParameters(description.properties, node.parameters, values, ''),
    ...missingParameters(engine, completed, description),
    ...wrongValues(engine, completed, description, description.properties, node.parameters, values, ''),
  ].map((message) => ({ node: node.name, rule: 'parameter', message })).concat(
    credentialProblems(engine, completed, description).map((message) => ({ node: node.name, rule: 'credential', message })),
  );
}

/** What n8n works with: the given values and the defaults, without those that do not apply. */
export function effectiveParameters(engine, node, description) {
  return engine.NodeHelpers.getNodeParameters(description.properties, node.parameters, true, false, node, description) ?? {};
}

/** n8n drops in silence what it does not know and what other settings switch off. */
function droppedParameters(properties, given, kept, path) {
  return Object.entries(given).flatMap(([name, value]) => {
    const candidates = properties.filter((property) => property.name === name);
    const where = path + name;
    if (candidates.length === 0) return [`${where} is not a parameter of this node: remove it or mend its name`];
    if (!(name in kept)) return [`${where} has no effect with these settings: remove it`];
    return candidates.length === 1 ? droppedInside(candidates[0], value, kept[name], where) : [];
  });
}

function droppedInside(property, value, kept, where) {
  if (!isObject(value) || !isObject(kept)) return [];
  if (property.type === 'collection') return droppedParameters(property.options, value, kept, `${where}.`);
  if (property.type !== 'fixedCollection') return [];
  return Object.entries(value).flatMap(([group, entries]) => {
    const option = property.options.find((one) => one.name === group);
    if (!option) return [`${where}.${group} is not a group of ${property.displayName}: remove it or mend its name`];
    const keptEntries = [kept[group] ?? []].flat();
    return [entries].flat().flatMap((entry, index) =>
      isObject(entry) ? droppedParameters(option.values, entry, keptEntries[index] ?? {}, `${where}.${group}.`) : [],
    );
  });
}

function missingParameters(engine, node, description) {
  const issues = engine.NodeHelpers.getNodeParametersIssues(description.properties, node, description);
  return Object.entries(issues?.parameters ?? {}).flatMap(([name, texts]) => texts.map((text) => `${name}: ${text}`));
}

/** Values that are given and none the property allows; the defaults are the node's own affair. */
function wrongValues(engine, node, description, properties, given, kept, path) {
  return properties
    .filter((property) => property.name in given && property.name in kept)
    .filter((property) => engine.NodeHelpers.displayParameter(kept, property, node, description, node.parameters))
    .flatMap((property) => {
      const value = given[property.name];
      const where = path + property.name;
      if (property.type === 'collection' && isObject(value)) {
        return wrongValues(engine, node, description, property.options, value, kept[property.name], `${where}.`);
      }
      if (isExpression(value) && !property.noDataExpression) return [];
      const fault = FAULTS[property.type]?.(value, property);
      return fault ? [`${where} ${fault}, not ${JSON.stringify(value)}`] : [];
    });
}

const isExpression = (value) => typeof value === 'string' && value.startsWith('=');

const FAULTS = {
  string: (value, { typeOptions }) =>
    typeof value === 'string' || (typeOptions?.multipleValues && Array.isArray(value)) ? null : 'must be a text',
  boolean: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  number: (value, { typeOptions: { minValue = -Infinity, maxValue = Infinity } = {} }) => {
    const range = (minValue > -Infinity ? ` from ${minValue}` : '') + (maxValue < Infinity ? ` up to ${maxValue}` : '');
    return typeof value === 'number' && value >= minValue && value <= maxValue ? null : `must be a number${range}`;
  },
  options: (value, { options }) => notAmong([value], options),
  multiOptions: (value, { options }) => (Array.isArray(value) ? notAmong(value, options) : 'must be a list'),
};

function notAmong(values, options) {
  const allowed = [...new Set((options ?? []).map((option) => option.value))];
  if (allowed.length === 0) return null; // loaded while the editor runs
  return values.every((value) => allowed.includes(value)) ? null : `must be one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`;
}

function credentialProblems(engine, node, description) {
  const given = node.credentials ?? {};
  const active = engine.NodeHelpers.getActiveCredentialTypes(node, description) ?? new Set(Object.keys(given));
  const missing = engine
    .validateNodeCredentials(node, { description })
    .map(({ credentialName }) => `${credentialName} is required: add {"id", "name"} of a credential`);
  const chosen = [...active]
    .filter((name) => !description.credentials?.some((one) => one.name === name) && !given[name])
    .map((name) => `${name} is chosen as the authentication but not given: add {"id", "name"} of a credential`);
  const idle = Object.keys(given)
    .filter((name) => !active.has(name))
    .map((name) => `${name} is not used with these settings: remove it`);
  return [...missing, ...chosen, ...idle];
}

function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
