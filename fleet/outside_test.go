package fleet

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"repoint/config"
)

// scratch is a directory for what all tests of this process share.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "repoint-fleet-"); err != nil {
		panic(err)
	}
	// They mostly wait for other processes. -parallel still has the last word.
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// natsBinary builds the real server.
var natsBinary = sync.OnceValues(func() (string, error) {
	name := filepath.Join(scratch, "nats-server")
	out, err := exec.Command("go", "build", "-o", name, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building the NATS server: %w\n%s", err, out)
	}
	return name, err
})

// outsiders are NATS servers as an operator has them: each a process with a
// configuration of its own. Who comes in has a file with the seed of an nkey.
type outsiders struct {
	t   testing.TB
	dir string
	all []*outsider
}

// outsider is one of them.
type outsider struct {
	t      testing.TB
	name   string
	dir    string // its configuration, its log and what it keeps
	client string // where it listens for clients
	said   bytes.Buffer
	kill   func()
}

// startOutsiders starts a number of servers, a cluster if there are several, that let
// in a hub and agents of the app "blog".
func startOutsiders(t testing.TB, number int, agents map[string]user) *outsiders {
	t.Helper()
	o := &outsiders{t: t, dir: t.TempDir()}
	o.makeCertificates()
	hub := newUser(t)
	must(t, os.WriteFile(o.seedFile("hub"), hub.seed, 0o600))
	users := []any{natsUser(hub, hubRights("blog"))}
	for name, u := range agents {
		must(t, os.WriteFile(o.seedFile(name), append(u.seed, '\n'), 0o600))
		users = append(users, natsUser(u, agentRights("blog", name, inboxOf(name)).and(&Rights{Publish: []string{joinSubject + "blog"}})))
	}
	addresses := freeAddresses(t, 2*number)
	clients, routes := addresses[:number], addresses[number:]
	for i, client := range clients {
		one := &outsider{t: t, name: fmt.Sprintf("nats-%d", i+1), client: client, kill: func() {}}
		one.dir = filepath.Join(o.dir, one.name)
		must(t, os.Mkdir(one.dir, 0o700))
		config := map[string]any{
			"server_name": one.name, "listen": client,
			"tls":           map[string]any{"cert_file": o.file("cert.pem"), "key_file": o.file("key.pem"), "timeout": 10},
			"jetstream":     map[string]any{"store_dir": one.store(), "sync_interval": "always"},
			"authorization": map[string]any{"timeout": 15, "users": users},
			"ping_interval": "5s", "ping_max": 2,
		}
		if number > 1 {
			config["cluster"] = map[string]any{"name": "test", "listen": routes[i], "routes": routesTo(routes)}
		}
		must(t, os.WriteFile(one.configFile(), natsConfig(t, config), 0o600))
		o.all = append(o.all, one)
	}
	t.Cleanup(o.stop)
	o.start()
	return o
}

// natsConfig is a configuration as NATS reads it: JSON, with its "<" and ">" as they
// are.
func natsConfig(t testing.TB, config map[string]any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	must(t, encoder.Encode(config))
	return out.Bytes()
}

// natsUser is a user in a configuration.
func natsUser(u user, r *Rights) map[string]any {
	return map[string]any{"nkey": u.public, "permissions": map[string]any{
		"publish": map[string]any{"allow": r.Publish}, "subscribe": map[string]any{"allow": r.Subscribe}}}
}

// hubRights are what a hub needs for one app on servers that others use as well.
func hubRights(app string) *Rights {
	states, objects := "KV_"+stateBucket, "OBJ_"+objectBucket(app)
	return &Rights{
		Publish: []string{
			"$JS.API.INFO",
			"$JS.API.STREAM.*." + states, "$JS.API.DIRECT.GET." + states + ".>", stateSubject(app),
			"$JS.API.STREAM.*." + objects, "$JS.API.DIRECT.GET." + objects + ".>", "$O." + objectBucket(app) + ".>",
			"$JS.API.CONSUMER.CREATE." + objects + ".>", "$JS.API.CONSUMER.DELETE." + objects + ".>", "$JS.FC." + objects + ".>",
			askSubject + app, "_INBOX.>",
		},
		Subscribe: []string{reportSubject + app + ".*", joinSubject + "*", "_INBOX.>"},
	}
}

// freeAddresses finds addresses that nobody listens on.
func freeAddresses(t testing.TB, number int) (addresses []string) {
	t.Helper()
	for range number {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

func routesTo(addresses []string) (routes []string) {
	for _, address := range addresses {
		routes = append(routes, "nats-route://"+address)
	}
	return routes
}

func (o *outsiders) file(name string) string     { return filepath.Join(o.dir, name) }
func (o *outsiders) seedFile(name string) string { return o.file(name + ".nk") }

// makeCertificates makes an authority of its own and has it sign the servers'
// certificate.
func (o *outsiders) makeCertificates() {
	o.t.Helper()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(o.t, err)
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(o.t, err)
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	must(o.t, err)
	o.writePEM("ca.pem", "CERTIFICATE", der)
	der, err = x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	must(o.t, err)
	o.writePEM("cert.pem", "CERTIFICATE", der)
	der, err = x509.MarshalPKCS8PrivateKey(serverKey)
	must(o.t, err)
	o.writePEM("key.pem", "PRIVATE KEY", der)
}

func (o *outsiders) writePEM(name, kind string, der []byte) {
	o.t.Helper()
	must(o.t, os.WriteFile(o.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// hubLogin is how a hub logs in whose configuration names these servers.
func (o *outsiders) hubLogin() Login {
	o.t.Helper()
	login, err := (&Home{}).Login(o.config())
	must(o.t, err)
	login.Wait = connectWithin
	return login
}

// agentLogin is how an agent logs in that has joined through these servers.
func (o *outsiders) agentLogin(name string, _ user) Login {
	o.t.Helper()
	login, err := o.identity(name).Login()
	must(o.t, err)
	return login
}

func (o *outsiders) identity(name string) Identity {
	return Identity{Name: name, Hub: o.url(), Creds: o.seedFile(name), CA: o.file("ca.pem")}
}

func (o *outsiders) config() config.Fleet {
	return config.Fleet{NATS: o.url(), NATSCredsFile: o.seedFile("hub"), NATSCAFile: o.file("ca.pem")}
}

func (o *outsiders) url() string {
	var urls []string
	for _, one := range o.all {
		urls = append(urls, "tls://"+one.client)
	}
	return strings.Join(urls, ",")
}

func (o *outsiders) start() {
	o.t.Helper()
	for _, one := range o.all {
		one.start()
	}
	for _, one := range o.all {
		one.listens()
	}
}

func (o *outsiders) stop() {
	for _, one := range o.all {
		one.kill()
	}
}

// wipe has the servers lose all they have.
func (o *outsiders) wipe() {
	o.t.Helper()
	o.stop()
	for _, one := range o.all {
		must(o.t, os.RemoveAll(one.store()))
	}
	o.start()
}

// named finds a server by its name.
func (o *outsiders) named(name string) *outsider {
	o.t.Helper()
	for _, one := range o.all {
		if one.name == name {
			return one
		}
	}
	o.t.Fatalf("there is no server %q", name)
	return nil
}

func (s *outsider) configFile() string { return filepath.Join(s.dir, "nats.conf") }
func (s *outsider) store() string      { return filepath.Join(s.dir, "store") }

// start starts the process; its kill ends it, without a chance to tidy up.
func (s *outsider) start() {
	s.t.Helper()
	binary, err := natsBinary()
	must(s.t, err)
	cmd := exec.Command(binary, "-c", s.configFile())
	cmd.Stdout, cmd.Stderr = &s.said, &s.said
	must(s.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.kill = func() {
		s.kill = func() {}
		killed := cmd.Process.Kill()
		if err := <-ended; killed != nil {
			s.t.Errorf("%s has ended by itself: %v\n%s", s.name, err, &s.said)
		}
	}
}

// listens waits until the server takes connections.
func (s *outsider) listens() {
	s.t.Helper()
	eventually(s.t, s.name+" listens", func() bool {
		conn, err := net.Dial("tcp", s.client)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}
