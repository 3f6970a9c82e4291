import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { native, usd } from '../../core/dialects/native';
import type { Body } from '../../core/fields';
import { refuseUnknown } from '../../core/fields';
import { forEachItem } from '../../core/items';
import { Refusal } from '../../core/refusal';
import type { Stack } from '../../core/stack';
import { callService, readStack, serviceMessage } from '../../core/stack';
import { TransportError } from '../../core/transport';

const TIMEOUT_MS = 5_000;

export class ScorePrompt implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Score Prompt',
		name: 'scorePrompt',
		icon: { light: 'file:scorePrompt.svg', dark: 'file:scorePrompt.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: 'without asking a model',
		description: 'Asks the scorer how hard the prompt in the body is, and which model would take it, into the field "document"',
		defaults: { name: 'Score Prompt' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		return await forEachItem<IDataObject>(this, 1, async (item) => ({ item: { ...item, ...(await scoreItem(stack, item)) } }));
	}
}

async function scoreItem(stack: Stack, item: IDataObject): Promise<object> {
	try {
		const body = { prompt: readPrompt((item.body ?? {}) as Body) };
		const url = `${stack.scorerUrl}/v1/complexity`;
		const response = await callService(stack, url, { body, requestId: String(item.request_id ?? ''), timeout: TIMEOUT_MS });
		if (response.status !== 200) return failed(response.status, serviceMessage(response));
		return { document: { ...response.body, estimated_cost: usd(response.body.estimated_cost as string | null) } };
	} catch (error) {
		if (error instanceof Refusal) return refused(error.status, error.code, error.message);
		if (error instanceof TransportError) return failed(503, error.message);
		throw error;
	}
}

/** The prompt, held to what a chat's prompt is; throws Refusal (400, 413). */
function readPrompt(body: Body): string {
	refuseUnknown(body, ['prompt']);
	native.parse(body);
	return body.prompt as string;
}

/** What the scorer finds too long is the caller's; any other refusal is not: the prompt was checked here. */
function failed(status: number, message: string): object {
	return status === 413 ? refused(413, 'prompt_too_long', message) : refused(503, 'scorer_unavailable', message);
}

/** For Send Answer, which tells the caller. */
function refused(status: number, code: string, message: string): object {
	return { dialect: 'native', error: { status, code, message } };
}
