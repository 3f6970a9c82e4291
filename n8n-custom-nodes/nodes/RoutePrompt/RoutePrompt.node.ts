import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import type { ChatItem, Failure, Route } from '../../core/chat';
import { fromCache } from '../../core/chat';
import { forEachItem } from '../../core/items';
import { routeRequest } from '../../core/route-request';
import type { Stack } from '../../core/stack';
import { callService, readStack, serviceMessage } from '../../core/stack';
import { secondsSince } from '../../core/timing';
import { TransportError } from '../../core/transport';

const OUTPUTS = ['Cached', 'Small local', 'Medium local', 'Large local', 'Cloud', 'Refused'];
const TIERS = ['small', 'medium', 'large', 'cloud'];
const TIMEOUT_MS = 5_000;

export class RoutePrompt implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Route Prompt',
		name: 'routePrompt',
		icon: { light: 'file:routePrompt.svg', dark: 'file:routePrompt.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: 'by difficulty',
		description: 'Asks the scorer how hard the prompt is and sends it to the cheapest model that can answer it',
		defaults: { name: 'Route Prompt' },
		inputs: [NodeConnectionTypes.Main],
		outputs: OUTPUTS.map(() => NodeConnectionTypes.Main),
		outputNames: OUTPUTS,
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName:
					'A prompt scored below a threshold goes to that tier. Leave the thresholds out to use the policy’s own.',
				name: 'notice',
				type: 'notice',
				default: '',
			},
			{
				displayName: 'Thresholds',
				name: 'thresholds',
				type: 'collection',
				placeholder: 'Override a threshold',
				default: {},
				options: [
					threshold('Small Local Below', 'small', 0.3),
					threshold('Medium Local Below', 'medium', 0.6),
					threshold('Large Local Below', 'large', 0.6),
				],
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		return await forEachItem<ChatItem>(this, OUTPUTS.length, async (item, itemIndex) => {
			const thresholds = this.getNodeParameter('thresholds', itemIndex, {}) as IDataObject;
			const begun = performance.now();
			const routed = await routeItem(stack, item, thresholds);
			const timings = { ...item.timings, routing_seconds: secondsSince(begun) };
			return { item: { ...item, ...routed, timings }, output: outputOf(routed) };
		});
	}
}

function threshold(displayName: string, name: string, value: number) {
	return {
		displayName,
		name,
		type: 'number' as const,
		typeOptions: { minValue: 0, maxValue: 1, numberPrecision: 2 },
		default: value,
		description: 'Complexity from 0 (plain) to 1 (hard)',
	};
}

type Routed = Pick<ChatItem, 'route' | 'answer' | 'error'>;

async function routeItem(stack: Stack, item: ChatItem, thresholds: IDataObject): Promise<Routed> {
	const body = { ...routeRequest(item), ...(Object.keys(thresholds).length > 0 ? { thresholds } : {}) };
	const { request_id } = item;
	try {
		const url = `${stack.scorerUrl}/v1/route`;
		const response = await callService(stack, url, { body, requestId: request_id, timeout: TIMEOUT_MS });
		if (response.status !== 200) return { error: unroutable(response.status, serviceMessage(response)) };
		return readRoute(response.body as unknown as Route);
	} catch (error) {
		if (error instanceof TransportError) return { error: unroutable(503, error.message) };
		throw error;
	}
}

/** A scorer that refuses what the trigger let through is at odds with it: the caller is not to blame for a 401. */
function unroutable(status: number, message: string): Failure {
	const blameCaller = [400, 413, 422].includes(status);
	return { status: blameCaller ? status : 503, code: 'routing_failed', message: `The prompt could not be routed: ${message}` };
}

function readRoute({ cached_answer, ...route }: Route): Routed {
	if (route.decision === 'refused') {
		return { route, error: route.error ?? unroutable(503, 'the scorer gave no reason') };
	}
	return cached_answer ? { route, answer: fromCache(cached_answer) } : { route };
}

function outputOf({ route, error }: Routed): number {
	if (!route || error) return OUTPUTS.indexOf('Refused');
	if (route.decision === 'cached') return OUTPUTS.indexOf('Cached');
	return 1 + TIERS.indexOf(route.tier);
}
