import { handlers } from '../support/handler-door.ts';
import { pasteSuite } from './pastes.ts';

pasteSuite(handlers);
