import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { forEachItem } from '../../core/items';
import type { ScorerModel } from '../../core/models/listing';
import { modelsDocument } from '../../core/models/listing';
import type { Stack } from '../../core/stack';
import { callService, readStack, serviceMessage } from '../../core/stack';
import { TransportError } from '../../core/transport';

const TIMEOUT_MS = 5_000;

export class ReadModels implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Read Models',
		name: 'readModels',
		icon: { light: 'file:readModels.svg', dark: 'file:readModels.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: 'of the catalogue',
		description: 'Reads which models there are and which of them can answer now, into the field "document"',
		defaults: { name: 'Read Models' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		return await forEachItem<IDataObject>(this, 1, async (item) => ({ item: { ...item, ...(await readModels(stack, item)) } }));
	}
}

async function readModels(stack: Stack, item: IDataObject): Promise<object> {
	try {
		const call = { requestId: String(item.request_id ?? ''), timeout: TIMEOUT_MS };
		const response = await callService(stack, `${stack.scorerUrl}/v1/models`, call);
		if (response.status !== 200) return unavailable(serviceMessage(response));
		const models = response.body.models as unknown as ScorerModel[];
		return { document: modelsDocument(models, (item.allowed_models as string[] | null | undefined) ?? null) };
	} catch (error) {
		if (error instanceof TransportError) return unavailable(error.message);
		throw error;
	}
}

/** For Send Answer, which tells the caller. */
function unavailable(message: string): object {
	return { dialect: 'native', error: { status: 503, code: 'scorer_unavailable', message } };
}
