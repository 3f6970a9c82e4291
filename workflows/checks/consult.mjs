// Asks the installed n8n about workflow documents: {n8n, nodes, documents} on stdin, its opinions on stdout.
//
// in:  {"n8n": folder with n8n's node_modules, "nodes": folder of our node package, "documents": {file: workflow}}
// out: {"schema": JSON Schema of a workflow, "documents": {file: {"sound", "problems", "facts"}}}
import { text } from 'node:stream/consumers';

import { nodeFacts } from './facts.mjs';
import { openInstallation } from './installation.mjs';
import { loadNodeTypes } from './node-types.mjs';
import { workflowSchema } from './openapi.mjs';
import { parameterProblems } from './parameters.mjs';
import { sdkProblems } from './sdk.mjs';
import { structureProblems } from './structure.mjs';

console.log = console.error; // what n8n's modules may say is not part of the answer

const question = JSON.parse(await text(process.stdin));
const installation = openInstallation(question.n8n);
const nodeTypes = loadNodeTypes(installation, question.nodes);

const documents = {};
for (const [file, workflow] of Object.entries(question.documents)) {
  documents[file] = opinionOn(workflow);
}
process.stdout.write(JSON.stringify({ schema: workflowSchema(installation), documents }));

function opinionOn(workflow) {
  const { sound, problems } = structureProblems(installation, workflow);
  if (!sound) return { sound, problems, facts: {} };
  // n8n fills these in on import, and its validators count on them.
  const complete = { ...workflow, nodes: workflow.nodes.map((node) => ({ typeVersion: 1, parameters: {}, ...node })) };
  const facts = {};
  for (const node of complete.nodes) {
    const nodeType = nodeTypes.find(node);
    problems.push(...nodeType.problems);
    try {
      if (nodeType.description) problems.push(...parameterProblems(installation, node, nodeType));
      facts[node.name] = nodeFacts(installation, nodeTypes, node, nodeType);
    } catch (error) {
      problems.push(unreadable(node.name, 'parameter', error));
    }
  }
  try {
    problems.push(...sdkProblems(installation, nodeTypes, complete));
  } catch (error) {
    problems.push(unreadable(null, 'n8n-validator', error));
  }
  return { sound, problems, facts };
}

/** n8n's functions throw on values of a wrong shape; that is a fault of the workflow, not of this program. */
function unreadable(node, rule, error) {
  return { node, rule, message: `n8n cannot read this (${error.message}): give each value the shape that the editor writes` };
}
