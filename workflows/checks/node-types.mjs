// Every node type a workflow may use, with its description: n8n's own and those of our built package.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

import { STOCK_PACKAGES } from './installation.mjs';

export function loadNodeTypes(installation, nodesFolder) {
  const stock = stockDescriptions(installation);
  const own = ownDescriptions(nodesFolder);
  const all = new Map([...stock, ...own]);
  const describe = (type, version) => all.get(type)?.find((one) => [one.version].flat().includes(version));
  return {
    find: (node) => find(all, own, node),
    provider: {
      getByName: (type) => typed(all.get(type)?.at(-1)),
      getByNameAndVersion: (type, version) => typed(describe(type, version)),
      getKnownTypes: () => Object.fromEntries([...all.keys()].map((type) => [type, {}])),
    },
  };
}

const typed = (description) => description && { description };

function stockDescriptions({ readText }) {
  const found = new Map();
  for (const [prefix, name] of Object.entries(STOCK_PACKAGES)) {
    for (const description of JSON.parse(readText(name, 'dist', 'types', 'nodes.json'))) add(found, prefix, description);
  }
  return found;
}

/** The compiled classes that the package's manifest lists; each says itself what it is. */
function ownDescriptions(folder) {
  const requireFromPackage = createRequire(join(folder, 'package.json'));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const found = new Map();
  for (const file of manifest.n8n.nodes) {
    const NodeClass = requireFromPackage(join(folder, file))[basename(file, '.node.js')];
    const node = new NodeClass();
    const versions = node.nodeVersions ? Object.values(node.nodeVersions) : [node];
    for (const { description } of versions) add(found, manifest.name, description);
  }
  return found;
}

function add(found, prefix, description) {
  const type = `${prefix}.${description.name}`;
  found.set(type, [...(found.get(type) ?? []), description]);
}

function find(all, own, node) {
  const described = all.get(node.type);
  const isOwn = own.has(node.type);
  const known = (described ?? []).flatMap((one) => one.version);
  const description = described?.find((one) => [one.version].flat().includes(node.typeVersion));
  if (!described) return { isOwn, problems: [problem(node, `there is no node type ${node.type}: mend its name`)] };
  if (!description) {
    return { isOwn, problems: [problem(node, `${node.type} has no version ${node.typeVersion}: use ${Math.max(...known)}`)] };
  }
  const retired = description.hidden ? [problem(node, `${node.type} is retired: use the node that took its place`)] : [];
  return { isOwn, description, problems: retired };
}

function problem(node, message) {
  return { node: node.name, rule: 'node-type', message };
}
