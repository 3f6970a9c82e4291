// What our own rules need to know about a node, and only n8n and the node's description can say.
import { effectiveParameters } from './parameters.mjs';

const CALLS_WITHOUT_CREDENTIALS = new Set(['n8n-nodes-base.httpRequest', 'n8n-nodes-base.executeWorkflow']);

export function nodeFacts(installation, nodeTypes, node, { description, isOwn }) {
  if (!description) return { known: false };
  const { engine } = installation;
  const parameters = effectiveParameters(engine, node, description);
  const completed = { ...node, parameters };
  const isTrigger = engine.NodeHelpers.isTriggerNode(description);
  const inputs = mainCount(ports('Inputs', installation, nodeTypes, completed, description));
  const outputs = mainCount(ports('Outputs', installation, nodeTypes, completed, description));
  return {
    known: true,
    own: isOwn,
    trigger: isTrigger,
    default_name: engine.NodeHelpers.isDefaultNodeName(node.name, description, parameters),
    outputs,
    calls_out: !isTrigger && inputs > 0 && callsOut(engine, completed, description),
    size: sizeOf(installation, inputs, outputs, description),
    has_webhooks: (description.webhooks ?? []).length > 0,
    endpoints: (description.webhooks ?? []).flatMap((webhook) => endpointsOf(webhook, parameters)),
    expressions: [...expressionsIn(parameters), ...(isOwn ? expressionsInWebhooks(engine, completed, description) : [])],
    sub_workflow: engine.NodeHelpers.isNodeWithWorkflowSelector(node) ? (engine.NodeHelpers.getSubworkflowId(node) ?? null) : null,
  };
}

/** Inputs or outputs; those of some nodes, such as Switch, are worked out from the parameters. */
function ports(side, { engine }, nodeTypes, node, description) {
  // A Workflow writes the defaults into its nodes: it gets one of its own.
  const nodes = [structuredClone(node)];
  const running = new engine.Workflow({ nodes, connections: {}, active: false, nodeTypes: nodeTypes.provider });
  return engine.NodeHelpers[`getNode${side}`](running, node, description);
}

function mainCount(declared) {
  return declared.filter((port) => (port.type ?? port) === 'main').length;
}

function callsOut(engine, node, description) {
  if (CALLS_WITHOUT_CREDENTIALS.has(node.type)) return true;
  return (description.credentials ?? []).some((one) => engine.NodeHelpers.displayParameter(node.parameters, one, node, description));
}

/** Width and height on the canvas: a node grows by two grid steps for each port after the second. */
function sizeOf({ sdk }, inputs, outputs, description) {
  const [width, height] = sdk.DEFAULT_NODE_SIZE;
  const takesSubNodes = Array.isArray(description.inputs) && description.inputs.some((port) => (port.type ?? port) !== 'main');
  return [takesSubNodes ? 16 * sdk.GRID_SIZE : width, height + Math.max(0, Math.max(inputs, outputs) - 2) * 2 * sdk.GRID_SIZE];
}

/** "POST v1/chat" of each webhook whose path is a parameter. */
function endpointsOf(webhook, parameters) {
  const path = fromParameters(webhook.path, parameters) ?? parameters.path;
  if (typeof path !== 'string' || path === '') return [];
  const method = fromParameters(webhook.httpMethod, parameters) ?? parameters.httpMethod ?? 'GET';
  return [method].flat().map((one) => `${one} ${path.replace(/^\//, '')}`);
}

function fromParameters(template, parameters) {
  if (typeof template !== 'string' || !template.startsWith('=')) return template;
  const read = /^=\{\{\$parameter\["(\w+)"\](?: \|\| "([^"]*)")?\}\}$/.exec(template);
  return read ? parameters[read[1]] || read[2] : undefined;
}

/** Paths of the values, given or default, that n8n would evaluate or that look as if it should. */
function expressionsIn(value, path = '') {
  if (typeof value === 'string') return value.startsWith('=') || value.includes('{{') ? [path] : [];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => expressionsIn(inner, path ? `${path}.${key}` : key));
}

/** A webhook whose fields n8n cannot read without its expression engine pays for that on every request. */
function expressionsInWebhooks(engine, node, description) {
  return (description.webhooks ?? [])
    .filter((webhook) => !engine.webhookDescriptionIsNativelyResolvable(webhook) || !engine.nodeParametersAreStatic(node))
    .map((webhook) => `webhooks.${webhook.name}`);
}
