import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { bookOrSpool, brokenOffEntries, ledgerEntry, replayAll } from '../../core/booking';
import type { ChatItem } from '../../core/chat';
import { forEachItem } from '../../core/items';
import { readStack } from '../../core/stack';
import { entryIsSafe, spoolWaiting } from '../../core/unbooked';

process.once('exit', () => spoolWaiting(entriesOf));

export class LogCost implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Log Cost',
		name: 'logCost',
		icon: { light: 'file:logCost.svg', dark: 'file:logCost.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{$parameter["operation"] === "replay" ? "book what waits" : "in the ledger"}}',
		description: 'Books what a request cost in the ledger; while the ledger is away the entries wait on disk',
		defaults: { name: 'Log Cost' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Log Request', value: 'log', action: 'Log what a request cost', description: 'Book the request that the item carries' },
					{ name: 'Replay Waiting', value: 'replay', action: 'Replay waiting entries', description: 'Book the entries that wait on disk' },
				],
				default: 'log',
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		const operation = this.getNodeParameter('operation', 0) as string;
		return await forEachItem<ChatItem>(this, 1, async (item) => {
			if (operation === 'replay') return { item: { replayed: await replayAll(stack) } };
			const booked = await bookOrSpool(stack, entriesOf(item));
			entryIsSafe(item.request_id);
			return { item: { request_id: item.request_id, booked } };
		});
	}
}

/** The request's own entry, and one for each paid answer that broke off on the way. */
function entriesOf(item: ChatItem): IDataObject[] {
	return [ledgerEntry(item), ...brokenOffEntries(item)];
}
