package fleet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"repoint/internal/ownfile"
)

// What is said where:
//
//	$KV.repoint.APP              the state: the hub to agents, kept
//	repoint.report.APP.AGENT     an agent of itself, to whoever listens
//	repoint.ask.APP              to agents: say how you are
//	repoint.join.APP             a machine to the hub: let me be an agent
//	object store repoint-APP     releases, by what they hold
const (
	stateBucket   = "repoint"
	reportSubject = "repoint.report."
	askSubject    = "repoint.ask."
)

func stateSubject(app string) string { return "$KV." + stateBucket + "." + app }
func objectBucket(app string) string { return stateBucket + "-" + app }

// agentRights are what an agent needs for one app, and no more: to hear the app's
// state and read its releases, and to report of itself.
func agentRights(app, agent, inbox string) *Rights {
	objects := "OBJ_" + objectBucket(app)
	return &Rights{
		Publish: []string{
			reportSubject + app + "." + agent,
			"$JS.API.DIRECT.GET.KV_" + stateBucket + "." + stateSubject(app),
			"$JS.API.STREAM.INFO." + objects,
			"$JS.API.DIRECT.GET." + objects + ".>",
			"$JS.API.CONSUMER.CREATE." + objects + ".>",
			"$JS.API.CONSUMER.DELETE." + objects + ".>",
			"$JS.FC." + objects + ".>",
		},
		Subscribe: []string{stateSubject(app), askSubject + app, inbox + ".>"},
	}
}

// Login is how to get to a messaging server.
type Login struct {
	URL   string        // tls://host:port, several with commas between them
	Name  string        // of the client, for the server's eyes
	Seed  []byte        // its secret nkey
	Creds string        // instead: the file with credentials for servers of your own; "": none
	TLS   *tls.Config   // nil: as the system trusts
	Inbox string        // prefix of the subjects that answers come to; "" for the default
	Wait  time.Duration // how long the first connection may take; 0: it is tried for ever, behind our back
	// Up is called when there is a connection again, from a goroutine of its own; may be nil.
	Up func()
}

// connect connects, and then keeps the connection for as long as it is not closed.
func connect(l Login) (*nats.Conn, error) {
	o := []nats.Option{
		nats.Name(l.Name), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(200*time.Millisecond, 800*time.Millisecond),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1),
		nats.RetryOnFailedConnect(l.Wait == 0), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // shows in what is asked next
	}
	if l.Wait > 0 {
		o = append(o, nats.Timeout(l.Wait))
	}
	if l.Inbox != "" {
		o = append(o, nats.CustomInboxPrefix(l.Inbox))
	}
	if l.TLS != nil {
		o = append(o, nats.Secure(l.TLS))
	}
	if l.Up != nil {
		o = append(o, nats.ConnectHandler(func(*nats.Conn) { l.Up() }), nats.ReconnectHandler(func(*nats.Conn) { l.Up() }))
	}
	switch seed, jwt, err := l.credentials(); {
	case err != nil:
		return nil, fmt.Errorf("the key for %s: %w", l.URL, err)
	case jwt:
		o = append(o, nats.UserCredentials(l.Creds))
	case seed != nil:
		key, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("the key for %s: %w", l.URL, err)
		}
		public, err := key.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("the key for %s: %w", l.URL, err)
		}
		o = append(o, nats.Nkey(public, key.Sign))
	}
	conn, err := nats.Connect(l.URL, o...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", l.URL, err)
	}
	return conn, nil
}

// credentials is the nkey to log in with; jwt: the file has a JWT as well.
func (l Login) credentials() (seed []byte, jwt bool, err error) {
	if l.Creds == "" {
		return l.Seed, false, nil
	}
	data, err := ownfile.Load(l.Creds, maxFile, ownfile.Read)
	return bytes.TrimSpace(data), bytes.Contains(data, []byte("BEGIN NATS USER JWT")), err
}

// outside is how to get to messaging servers of one's own.
func outside(url, creds, ca string) (Login, error) {
	l := Login{URL: url, Name: "hub", Creds: creds}
	if ca == "" {
		return l, nil
	}
	data, err := os.ReadFile(ca)
	if err != nil {
		return l, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return l, fmt.Errorf("%s has no certificate in PEM", ca)
	}
	l.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return l, nil
}

// readState reads an app's state as it is kept; nil when there is none. It asks the
// stream itself, so that reading needs the right for this app's key and no other.
func readState(ctx context.Context, conn *nats.Conn, app string) ([]byte, error) {
	var answer *nats.Msg
	err := retry(ctx, func(ctx context.Context) (err error) {
		answer, err = conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET.KV_"+stateBucket+"."+stateSubject(app), nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the state of %s: %w", app, err)
	}
	switch status := answer.Header.Get("Status"); {
	case status == "404":
		return nil, nil
	case status != "":
		return nil, fmt.Errorf("reading the state of %s: %s %s", app, status, answer.Header.Get("Description"))
	}
	return answer.Data, nil
}

// stores makes, unless they are there, what states and releases are kept in.
func stores(ctx context.Context, conn *nats.Conn, app string) (states jetstream.KeyValue, objects jetstream.ObjectStore, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	err = retry(ctx, func(ctx context.Context) (err error) {
		states, objects, err = makeStores(ctx, js, app)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("the fleet's stores for %s: %w", app, err)
	}
	return states, objects, nil
}

func makeStores(ctx context.Context, js jetstream.JetStream, app string) (states jetstream.KeyValue, objects jetstream.ObjectStore, err error) {
	states, err = js.KeyValue(ctx, stateBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = replicated(func(n int) (err error) {
			states, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: stateBucket, Replicas: n,
				Description: "what the agents of each app are to have"})
			return err
		})
	}
	if err == nil {
		objects, err = js.ObjectStore(ctx, objectBucket(app))
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		err = replicated(func(n int) (err error) {
			objects, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: objectBucket(app), Replicas: n,
				Description: "releases of " + app})
			return err
		})
	}
	return states, objects, err
}

// replicated makes a store that a cluster keeps on three of its servers, or one
// server by itself.
func replicated(create func(replicas int) error) error {
	err := create(3)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == noCluster {
		err = create(1)
	}
	return err
}

// noCluster is the server's error code for "replicas > 1 not supported in
// non-clustered mode" (nats-server's errors.json).
const noCluster = 10074

// report says how an agent is. Nobody answers: who wants to know asks again.
func report(conn *nats.Conn, app string, r Report) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return conn.Publish(reportSubject+app+"."+r.Agent, data)
}
