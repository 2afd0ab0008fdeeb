import { serverTarget } from '../support/server-door.ts';
import { pasteSuite } from './pastes.ts';
import { socketSuite } from './sockets.ts';

const target = serverTarget('node');
pasteSuite(target);
socketSuite(target);
