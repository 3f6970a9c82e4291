import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { forEachItem } from '../../core/items';
import type { Stack } from '../../core/stack';
import { callService, readStack, serviceMessage } from '../../core/stack';
import { TransportError } from '../../core/transport';

const PATHS: Record<string, string> = { stats: '/v1/stats', summary: '/v1/reports/summary' };
const TIMEOUT_MS = 10_000;

export class ReadLedger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Read Ledger',
		name: 'readLedger',
		icon: { light: 'file:readLedger.svg', dark: 'file:readLedger.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: '={{$parameter["report"]}}',
		description: 'Reads a report from the cost ledger into the field "document"',
		defaults: { name: 'Read Ledger' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName: 'Report',
				name: 'report',
				type: 'options',
				options: [
					{ name: 'Stats', value: 'stats', description: 'Requests, split and cost since the beginning' },
					{ name: 'Summary', value: 'summary', description: 'Totals, models and savings of a period' },
				],
				default: 'stats',
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		return await forEachItem<IDataObject>(this, 1, async (item, itemIndex) => {
			const path = PATHS[this.getNodeParameter('report', itemIndex) as string];
			const query = new URLSearchParams((item.query ?? {}) as Record<string, string>).toString();
			const url = `${stack.ledgerUrl}${path}${query ? `?${query}` : ''}`;
			return { item: { ...item, ...(await readReport(stack, url, String(item.request_id ?? ''))) } };
		});
	}
}

async function readReport(stack: Stack, url: string, requestId: string): Promise<object> {
	try {
		const response = await callService(stack, url, { requestId, timeout: TIMEOUT_MS });
		if (response.status === 200) return { document: response.body };
		return unavailable(response.status === 400 ? 400 : 503, serviceMessage(response));
	} catch (error) {
		if (error instanceof TransportError) return unavailable(503, error.message);
		throw error;
	}
}

/** For Send Answer, which tells the caller. */
function unavailable(status: number, message: string): object {
	const code = status === 400 ? 'invalid_request' : 'ledger_unavailable';
	return { dialect: 'native', error: { status, code, message } };
}
