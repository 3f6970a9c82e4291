// What an import refuses: wrong shapes, duplicate names and ids, wires to nodes that are not there.

const ADVICE = {
  duplicate_node_id: 'give one of them another',
  duplicate_node_name: 'give one of them another',
  unknown_connection_source: 'mend the name or remove the wire',
  unknown_connection_target: 'mend the name or remove the wire',
};

/** `sound` is false when the shape is so wrong that nothing else can be checked. */
export function structureProblems({ engine }, workflow) {
  const result = engine.safeParseWorkflowStructure(workflow);
  if (result.success) return { sound: true, problems: [] };
  const problems = result.issues.map((issue) => ({
    node: nodeAt(workflow, issue.path),
    rule: 'structure',
    message: `${engine.formatWorkflowStructureIssuePath(issue.path)}: ${issue.message}: ${ADVICE[issue.code] ?? 'give it the shape that the editor writes'}`,
  }));
  return { sound: result.issues.every((issue) => issue.code in ADVICE), problems };
}

function nodeAt(workflow, [part, key]) {
  if (part === 'connections' && typeof key === 'string') return key;
  return part === 'nodes' ? (workflow.nodes?.[key]?.name ?? null) : null;
}
