import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { openMailer, type SmtpMailer, smtpOptions } from '../../runtime/mailer.ts';
import {
  factorCodeMail,
  MailFailure,
  type MailFailureReason,
  type MailMessage,
  testMail,
  verificationMail,
} from '../../src/core/mail.ts';
import type { EmailSettings } from '../../src/core/settings-types.ts';
import { type Certificate, selfSigned, startMailServer, startSpeaker } from '../support/mail-server.ts';

type Smtp = Extract<EmailSettings, { backend: 'smtp' }>;

const TO = 'reader@inbox.example';
const LOGIN = { username: 'sallyport', password: 'not-a-real-password' };
let certificate: Certificate;

before(async () => {
  certificate = await selfSigned();
});

/** Settings for a server on loopback, by the name that the certificate holds. */
function to(port: number, more: Partial<Smtp> = {}): Smtp {
  return {
    backend: 'smtp',
    host: 'localhost',
    port,
    username: undefined,
    password: undefined,
    from: 'Sallyport <vault@example.org>',
    starttls: 'required',
    timeoutMs: 30_000,
    ...more,
  };
}

async function fails(mailer: SmtpMailer, reason: MailFailureReason, message: MailMessage = testMail(TO)) {
  const failure = await mailer.send(message).then(
    () => assert.fail('the message was sent'),
    (error: unknown) => error,
  );
  assert(failure instanceof MailFailure);
  assert.equal(failure.reason, reason);
  // Whatever the server said, and it says addresses, stays behind.
  const shown = inspect(failure, { depth: 9, showHidden: true }) + JSON.stringify(failure);
  for (const secret of [TO, 'inbox.example', LOGIN.password]) assert(!shown.includes(secret), shown);
  assert.equal(failure.cause, undefined);
}

describe('over STARTTLS with a trusted certificate', () => {
  it('a message arrives as it was written, with our name on it and no word about the machine', async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      const mailer = openMailer(to(server.port, LOGIN), certificate.cert);
      const token = 'k'.repeat(43);
      const message = verificationMail(TO, 'https://a-rather-long-name.example.org', token, 86_400_000);
      await mailer.send(message);
      await mailer.close();
      const [mail] = server.deliveries;
      assert(mail !== undefined && server.deliveries.length === 1);
      assert.equal(mail.secure, true);
      assert.equal(mail.from, 'vault@example.org');
      assert.deepEqual(mail.to, [TO]);
      assert.equal(mail.headers.get('from'), 'Sallyport <vault@example.org>');
      assert.equal(mail.headers.get('to'), TO);
      assert.equal(mail.headers.get('subject'), 'Verify your Sallyport account');
      assert.equal(mail.headers.get('auto-submitted'), 'auto-generated');
      assert.equal(mail.text.trimEnd(), message.text.trimEnd());
      assert.deepEqual(
        [...mail.headers.keys()].sort(),
        [
          ...['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from', 'message-id'],
          ...['mime-version', 'subject', 'to'],
        ].filter((name) => mail.headers.has(name)),
      );
      assert.match(mail.headers.get('message-id') ?? '', /@example\.org>$/);
    } finally {
      await server.close();
    }
  });

  it('nobody on the wire sees the password, the address or the code', async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      const mailer = openMailer(to(server.port, LOGIN), certificate.cert);
      await mailer.send(factorCodeMail(TO, 'c'.repeat(43), 600_000));
      assert.deepEqual(server.logins, [LOGIN]);
      const seen = server.overheard();
      assert.match(seen, /^EHLO example\.org\r\nSTARTTLS\r\n/);
      for (const secret of ['AUTH', LOGIN.password, btoa(LOGIN.password), TO, 'ccccc', 'MAIL FROM']) {
        assert(!seen.includes(secret), `${secret} went in the clear`);
      }
    } finally {
      await server.close();
    }
  });

  it('without a user name none is offered', async () => {
    const server = await startMailServer({ ...certificate });
    try {
      await openMailer(to(server.port), certificate.cert).send(testMail(TO));
      assert.equal(server.deliveries.length, 1);
      assert.deepEqual(server.logins, []);
    } finally {
      await server.close();
    }
  });
});

describe('where TLS is required, nothing leaves without it', () => {
  it('a server that does not offer STARTTLS gets neither password nor mail', async () => {
    const server = await startMailServer({
      login: LOGIN,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
    });
    try {
      await fails(openMailer(to(server.port, LOGIN), certificate.cert), 'tls_failed');
      assert.deepEqual(server.logins, []);
      assert.deepEqual(server.deliveries, []);
      assert.doesNotMatch(server.overheard(), /AUTH|MAIL FROM|RCPT/);
    } finally {
      await server.close();
    }
  });

  it('a server that knows HELO alone gets neither', async () => {
    const lines: string[] = [];
    const server = await startSpeaker((socket) => {
      socket.write('220 old\r\n');
      socket.on('data', (data) => {
        lines.push(String(data));
        socket.write(String(data).startsWith('HELO') ? '250 old\r\n' : '502 unknown\r\n');
      });
    });
    try {
      await fails(openMailer(to(server.port, LOGIN)), 'tls_failed');
      assert.doesNotMatch(lines.join(''), /AUTH|MAIL/);
    } finally {
      await server.close();
    }
  });

  it('a certificate that nobody vouches for ends it before the password', async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      await fails(openMailer(to(server.port, LOGIN)), 'tls_failed');
      assert.deepEqual(server.logins, []);
    } finally {
      await server.close();
    }
  });

  it("another server's certificate ends it too", async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      // The certificate is trusted, but it is for localhost.
      await fails(
        openMailer(to(server.port, { ...LOGIN, host: '127.0.0.1' }), certificate.cert),
        'tls_failed',
      );
      assert.deepEqual(server.logins, []);
    } finally {
      await server.close();
    }
  });

  it('words slipped in before the handshake are not taken for the server', async () => {
    const heard: string[] = [];
    const server = await startSpeaker((socket) => {
      socket.write('220 between\r\n');
      socket.on('data', (data) => {
        heard.push(String(data));
        if (String(data).startsWith('EHLO')) socket.write('250-between\r\n250 STARTTLS\r\n');
        // The answer to STARTTLS and, in the same packet, an answer to what would come after it.
        else socket.write('220 go\r\n250-between\r\n250 AUTH PLAIN\r\n');
      });
    });
    try {
      await fails(openMailer(to(server.port, { ...LOGIN, timeoutMs: 5000 }), certificate.cert), 'tls_failed');
      assert.doesNotMatch(heard.join(''), /AUTH|MAIL FROM/);
    } finally {
      await server.close();
    }
  });
});

describe('the other modes', () => {
  it('opportunistic takes TLS where it is offered', async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      await openMailer(to(server.port, { ...LOGIN, starttls: 'opportunistic' }), certificate.cert).send(
        testMail(TO),
      );
      assert.equal(server.deliveries[0]?.secure, true);
    } finally {
      await server.close();
    }
  });

  it('opportunistic goes without where it is not', async () => {
    const server = await startMailServer({ disabledCommands: ['STARTTLS'] });
    try {
      await openMailer(to(server.port, { starttls: 'opportunistic' })).send(testMail(TO));
      assert.equal(server.deliveries[0]?.secure, false);
    } finally {
      await server.close();
    }
  });

  it('disabled does not ask for it', async () => {
    const server = await startMailServer({ ...certificate });
    try {
      await openMailer(to(server.port, { starttls: 'disabled' })).send(testMail(TO));
      assert.equal(server.deliveries[0]?.secure, false);
      assert.doesNotMatch(server.overheard(), /STARTTLS/);
    } finally {
      await server.close();
    }
  });

  it('port 465 is TLS from its first byte, except where TLS is off', () => {
    assert.equal(smtpOptions(to(465)).secure, true);
    assert.equal(smtpOptions(to(465, { starttls: 'opportunistic' })).secure, true);
    assert.equal(smtpOptions(to(465, { starttls: 'disabled' })).secure, false);
    assert.equal(smtpOptions(to(587)).secure, false);
    assert.equal(smtpOptions(to(587)).requireTLS, true);
  });
});

describe('a refusal has a name', () => {
  it('a wrong password', async () => {
    const server = await startMailServer({ ...certificate, login: LOGIN });
    try {
      const wrong = { username: LOGIN.username, password: 'another' };
      await fails(openMailer(to(server.port, wrong), certificate.cert), 'login_refused');
      assert.equal(server.logins.length, 1);
      assert.deepEqual(server.deliveries, []);
    } finally {
      await server.close();
    }
  });

  for (const [what, code, reason] of [
    ['a recipient that the server does not know', 550, 'recipient_refused'],
    ['a recipient that the server puts off', 450, 'deferred'],
  ] as const) {
    it(what, async () => {
      const server = await startMailServer({
        ...certificate,
        onRcptTo: ({ address }, _session, done) =>
          done(Object.assign(new Error(`<${address}> no`), { responseCode: code })),
      });
      try {
        await fails(openMailer(to(server.port), certificate.cert), reason);
      } finally {
        await server.close();
      }
    });
  }

  it('a sender that the server does not take', async () => {
    const server = await startMailServer({
      ...certificate,
      onMailFrom: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode: 553 })),
    });
    try {
      await fails(openMailer(to(server.port), certificate.cert), 'sender_refused');
    } finally {
      await server.close();
    }
  });

  it('a message that the server does not take', async () => {
    const server = await startMailServer({
      ...certificate,
      onData(stream, _session, done) {
        stream.resume();
        stream.on('end', () => done(Object.assign(new Error(`spam for ${TO}`), { responseCode: 554 })));
      },
    });
    try {
      await fails(openMailer(to(server.port), certificate.cert), 'message_refused');
    } finally {
      await server.close();
    }
  });

  it('a port where nobody listens', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    await new Promise((resolve) => taken.close(resolve));
    await fails(openMailer(to(port)), 'unreachable');
  });

  it('a server that hangs up', async () => {
    const server = await startSpeaker((socket) => socket.end());
    try {
      await fails(openMailer(to(server.port)), 'unreachable');
    } finally {
      await server.close();
    }
  });

  it('a server that says nothing', async () => {
    const server = await startSpeaker(() => {});
    try {
      await fails(openMailer(to(server.port, { timeoutMs: 100 })), 'timeout');
    } finally {
      await server.close();
    }
  });

  it('a server that keeps talking and never comes to the point', async () => {
    const server = await startSpeaker((socket) => {
      const timer = setInterval(() => socket.write('220-still here\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    try {
      await fails(openMailer(to(server.port, { timeoutMs: 200 })), 'timeout');
    } finally {
      await server.close();
    }
  });

  it('a server that is none', async () => {
    const server = await startSpeaker((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    try {
      await fails(openMailer(to(server.port)), 'protocol');
    } finally {
      await server.close();
    }
  });

  it('no mail server at all', async () => {
    await fails(openMailer({ backend: 'none' }), 'disabled');
  });
});

describe('what is not ours is not sent', () => {
  let server: Awaited<ReturnType<typeof startMailServer>>;
  let mailer: SmtpMailer;
  before(async () => {
    server = await startMailServer({ ...certificate });
    mailer = openMailer(to(server.port), certificate.cert);
  });
  after(() => server.close());

  const good = testMail(TO);
  for (const [what, message] of [
    ['a second recipient in the address', { ...good, to: `${TO}, other@inbox.example` }],
    ['a header in the address', { ...good, to: `${TO}\r\nBcc: other@inbox.example` }],
    ['a command in the address', { ...good, to: `${TO}>\r\nRCPT TO:<other@inbox.example` }],
    ['an address that was not put into its one spelling', { ...good, to: 'Reader@inbox.example' }],
    ['a header in the subject', { ...good, subject: 'Hello\r\nBcc: other@inbox.example' }],
    ['an empty subject', { ...good, subject: '' }],
    ['a lone carriage return in the text', { ...good, text: 'one\rtwo' }],
    ['a NUL in the text', { ...good, text: 'one\0two' }],
    ['a text beyond all measure', { ...good, text: 'x'.repeat(65_537) }],
  ] as const) {
    it(what, async () => {
      const before = server.connections();
      await fails(mailer, 'invalid_message', message);
      assert.equal(server.connections(), before);
    });
  }

  it('a line that is a dot alone ends nothing', async () => {
    const text = 'one\n.\nMAIL FROM:<a@b.example>\n';
    await mailer.send({ ...good, text });
    assert.equal(server.deliveries.at(-1)?.text, text);
    assert.equal(server.deliveries.length, 1);
  });
});

describe('many at once', () => {
  it('four go at a time, and closing waits for all', async () => {
    let inside = 0;
    let most = 0;
    let delivered = 0;
    let held: (() => void)[] = [];
    const server = await startMailServer({
      ...certificate,
      onMailFrom(_address, _session, done) {
        inside += 1;
        most = Math.max(most, inside);
        done();
      },
      // Answered when four are there, so that all places are taken at least once.
      onData(stream, _session, done) {
        stream.resume();
        stream.on('end', () => {
          held.push(done);
          if (held.length < 4) return;
          const four = held;
          held = [];
          for (const answer of four) {
            inside -= 1;
            delivered += 1;
            answer();
          }
        });
      },
    });
    try {
      const mailer = openMailer(to(server.port), certificate.cert);
      const sent = Array.from({ length: 12 }, () => mailer.send(testMail(TO)));
      await mailer.close();
      assert.equal(delivered, 12);
      assert.equal(most, 4);
      await Promise.all(sent);
      await fails(mailer, 'disabled');
    } finally {
      await server.close();
    }
  });

  it('beyond what may wait they are refused at once', async () => {
    const server = await startSpeaker(() => {});
    const mailer = openMailer(to(server.port, { timeoutMs: 50 }));
    try {
      const waiting = Array.from({ length: 104 }, () => mailer.send(testMail(TO)).catch(() => {}));
      await fails(mailer, 'busy');
      await server.close();
      await Promise.all(waiting);
    } finally {
      await server.close().catch(() => {});
    }
  });
});
