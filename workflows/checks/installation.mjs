// The n8n packages of an installation, loaded from there: nothing of n8n is copied into this project.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const STOCK_PACKAGES = {
  'n8n-nodes-base': 'n8n-nodes-base',
  '@n8n/n8n-nodes-langchain': '@n8n/n8n-nodes-langchain',
};

export function openInstallation(folder) {
  const packages = join(folder, 'node_modules');
  const requireFromN8n = createRequire(join(packages, 'n8n', 'package.json'));
  const stockFolders = Object.values(STOCK_PACKAGES).map((name) => join(packages, name, 'dist'));
  const sdk = requireFromN8n('@n8n/workflow-sdk');
  sdk.setSchemaBaseDirs(stockFolders.map((dist) => join(dist, 'node-definitions')));
  return {
    engine: requireFromN8n('n8n-workflow'),
    sdk,
    yaml: requireFromN8n('yaml'),
    readText: (...path) => readFileSync(join(packages, ...path), 'utf8'),
  };
}
