// n8n's workflow validators: parameter schemas of the stock nodes, inputs and outputs, AI connections.

export function sdkProblems({ sdk }, nodeTypes, workflow) {
  const byJson = sdk.validateWorkflow(workflow, { nodeTypesProvider: nodeTypes.provider, strictMode: true });
  const byGraph = sdk.workflow.fromJSON(workflow).validate();
  const issues = [byJson, byGraph].flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  const problems = issues.filter((issue) => issue.severity !== 'informational').map(problemOf);
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

function problemOf({ code, message, nodeName }) {
  const said = message.replace(`Node "${nodeName}": `, '').replaceAll('\n', ' ');
  return { node: nodeName ?? null, rule: 'n8n-validator', message: `${said} [${code}]` };
}
