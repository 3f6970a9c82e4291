/** The loop over items that every acting node runs. */
import type { IDataObject, IExecuteFunctions, INodeExecutionData, JsonObject } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

/** What became of one item: its new content, and the number of the output it leaves by. */
export interface Outcome {
	item: object;
	output?: number;
}

/**
 * Runs `handle` on each item in turn. An error ends the execution, or becomes an item with `error` on
 * the output `onError` when the node is set to go on.
 */
export async function forEachItem<Json extends object>(
	node: IExecuteFunctions,
	outputs: number,
	handle: (json: Json, itemIndex: number) => Promise<Outcome>,
	onError = 0,
): Promise<INodeExecutionData[][]> {
	const results: INodeExecutionData[][] = Array.from({ length: outputs }, () => []);
	for (const [itemIndex, given] of node.getInputData().entries()) {
		const pairedItem = { item: itemIndex };
		try {
			const { item: json, output = 0 } = await handle(given.json as Json, itemIndex);
			results[output]?.push({ json: json as IDataObject, pairedItem });
		} catch (error) {
			if (!node.continueOnFail()) throw new NodeApiError(node.getNode(), error as JsonObject, { itemIndex });
			results[onError]?.push({ json: { ...given.json, error: (error as Error).message }, pairedItem });
		}
	}
	return results;
}
