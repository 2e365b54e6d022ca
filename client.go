package payonce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/payonce/payonce/internal/httpx"
	"github.com/payonce/payonce/internal/wall"
)

// Config is what a Client is made of. Provider and Store are required; everything else has a default.
type Config struct {
	// Provider is the payment API, from a package below provider/.
	Provider Provider
	// Store remembers operations, from a package below store/. It stays the caller's, who closes it after the client.
	Store KeyStore
	// Retry bounds attempts, time and waits. Its zero value is the default policy.
	Retry Retry
	// Keys is how idempotency keys are made. Defaults to what the provider recommends.
	Keys KeyScheme
	// HTTPClient makes all requests, also those for tokens. Its Timeout, CheckRedirect and Jar are not used, and a RoundTripper that
	// resends by itself voids the promise that an attempt is one request. Give each Client connections of its own: only its own
	// traffic tells it that an answer strayed. Defaults to such a client.
	HTTPClient *http.Client
	// Logger gets what an operator should know; no secret, no body. Defaults to none.
	Logger *slog.Logger
	// RecoverEvery is how often the client finishes, by itself, what is open and due, and forgets bodies whose time is over. Defaults
	// to 30 s; negative is never.
	RecoverEvery time.Duration
	// RecoverRate is how many operations in a second the client begins to recover by itself, whatever it finds after an outage. Its
	// retries are not paid from the callers' budget. Defaults to 50.
	RecoverRate int
	// Retention is how long the bodies of finished operations, the request's and the answer's, are kept. What is kept for ever is
	// identity, key, fingerprint, ids and outcome: a call at any age gets the same answer, without what only the body said.
	// Defaults to 90 days; negative keeps the bodies too.
	Retention time.Duration
	// Lease is how long a crashed process keeps an operation from others where the store can't tell that it is dead. Defaults to 15 s.
	Lease time.Duration
}

// Client makes payment calls happen once. It is safe for concurrent use; a process needs one for each provider account.
type Client struct {
	// Payments and Refunds are the portable services.
	Payments *Payments
	Refunds  *Refunds

	provider Provider
	profile  Profile
	portable Portable
	store    KeyStore
	http     *http.Client
	log      *slog.Logger
	keys     KeyScheme
	policy   policy
	timeout  time.Duration
	lease    time.Duration
	origin   string
	prefix   string
	scopes   []scope
	holder   string
	budget   *budget
	recovery *budget
	started  instant
	clock    *clock
	flights  *flights
	held     *heldOutcomes
	answers  *attribution

	life       context.Context // ends with Close; only the background work goes by it
	stop       context.CancelFunc
	background sync.WaitGroup
	closeIdle  func()
}

// New checks the configuration, reports everything that is wrong with it at once (ErrInvalid), and starts the client. It makes no
// request. Close it when done.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{
		provider: cfg.Provider, profile: cfg.Provider.Profile(), portable: cfg.Provider.Portable(),
		store: cfg.Store, log: cfg.Logger, keys: cfg.Keys,
		lease: orDefault(cfg.Lease, 15*time.Second), holder: uuid.NewString(),
		budget: newBudget(), recovery: newBudget(), clock: newClock(wall.Of(cfg.Store)), flights: newFlights(), held: newHeldOutcomes(), answers: newAttribution(),
		closeIdle: func() {},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.keys == KeysDefault {
		c.keys = c.profile.Keys
	}
	base, _ := url.Parse(c.profile.BaseURL) // checked above
	c.origin, c.prefix = base.Scheme+"://"+base.Host, base.EscapedPath()
	c.scopes = scopesOf(c.store.Salt(), &c.profile)
	c.profile.Credential, c.profile.OldCredentials = "", nil // needed no more
	c.timeout = orDefault(cfg.Retry.AttemptTimeout, orDefault(c.profile.Timeout, 30*time.Second))
	cfg.Retry.apply(&c.policy)
	c.policy.window = sendWindow(c.profile.KeyLife)
	durability := c.store.Durability()
	c.policy.lossy = !durability.Power
	c.http = c.httpClient(cfg.HTTPClient)
	c.Payments, c.Refunds = &Payments{c}, &Refunds{c}
	c.life, c.stop = context.WithCancel(context.Background())
	c.started = c.clock.instant()
	c.start(&cfg)
	c.log.LogAttrs(c.life, slog.LevelInfo, "payonce client started", slog.String("account", c.profile.Account),
		slog.String("store", durability.Text), slog.Bool("survives_power_loss", durability.Power), slog.Bool("survives_crash", durability.Process))
	return c, nil
}

// start runs what goes on beside the calls: renewing leases and, unless RecoverEvery is negative, recovery and purging.
func (c *Client) start(cfg *Config) {
	c.background.Go(func() { c.renewLeases(c.life) })
	if cfg.RecoverEvery < 0 {
		return
	}
	apart := time.Second / time.Duration(orDefault(cfg.RecoverRate, 50))
	c.background.Go(func() { c.recoverByItself(c.life, orDefault(cfg.RecoverEvery, 30*time.Second), apart) })
	if cfg.Retention >= 0 {
		c.background.Go(func() { c.purgeByItself(c.life, orDefault(cfg.Retention, 90*24*time.Hour)) })
	}
}

// Close ends the background work, waits until the outcomes of finished calls are stored, and says which could not be. The store
// stays open. Calls under way, and webhooks being handled, are not cut off; end them first.
func (c *Client) Close() error {
	c.stop()
	c.background.Wait()
	c.closeIdle()
	return c.held.flush()
}

// Account names the provider account, as it stands in the OperationID of everything that the client begins.
func (c *Client) Account() string { return c.profile.Account }

// String names the account.
func (c *Client) String() string { return "payonce client of " + c.profile.Account }

// Format writes String whatever the verb: the fields hold credentials.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// Amount reads a decimal such as "50.00" into minor units, for a currency that the provider takes. More decimals than the currency
// has are ErrInvalid, never rounded.
func (c *Client) Amount(decimal, currency string) (Amount, error) {
	decimals, ok := c.profile.Currencies[currency]
	if !ok {
		return Amount{}, invalid("currency", "%s does not take %q", c.profile.Name, currency)
	}
	return parseAmount(decimal, currency, decimals)
}

// Check proves the credentials with a request that has no effect: nil, ErrRejected with the provider's reason, ErrUnavailable, or
// ErrUnsupported where the provider has no such request.
func (c *Client) Check(ctx context.Context) error {
	if c.portable.Check == nil {
		return c.unsupported("check")
	}
	_, err := c.read(ctx, c.portable.Check())
	return err
}

// httpClient hardens the caller's client, or makes one.
func (c *Client) httpClient(own *http.Client) *http.Client {
	if own != nil {
		return httpx.Harden(own)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         httpx.Dial(&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}),
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,

		MaxResponseHeaderBytes: 1 << 20,
	}
	c.closeIdle = transport.CloseIdleConnections
	return httpx.Harden(&http.Client{Transport: transport})
}

// check collects everything that is wrong.
func (cfg *Config) check() error {
	var p problems
	if isNil(cfg.Provider) {
		p.add("Config.Provider", "is nil; make one with a package below provider/, such as truelayer.New")
	} else {
		p.addErr(checkProfile(cfg.Provider.Profile()))
	}
	if isNil(cfg.Store) {
		p.add("Config.Store", "is nil; open one with sqlitestore.Open, or memstore.New for tests")
	} else if len(cfg.Store.Salt()) < 16 {
		p.add("Config.Store", "has no salt; was it opened?")
	}
	p.addErr(cfg.Retry.check())
	if cfg.Lease != 0 && cfg.Lease < time.Second {
		p.add("Config.Lease", "is less than a second")
	}
	if cfg.RecoverRate < 0 || cfg.RecoverRate > 10_000 {
		p.add("Config.RecoverRate", "must be 0 (the default) to 10000 a second")
	}
	if cfg.RecoverEvery > 0 && cfg.RecoverEvery < time.Second {
		p.add("Config.RecoverEvery", "is less than a second")
	}
	return p.err()
}

func checkProfile(profile Profile) error {
	var p problems
	base, err := url.Parse(profile.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.HasSuffix(base.Path, "/") {
		p.add("Profile.BaseURL", "must be http(s)://host without a trailing slash, is %q", profile.BaseURL)
	}
	if profile.Account == "" || profile.Name == "" {
		p.add("Profile.Account", "the provider has no name or account")
	}
	return p.err()
}

// isNil also finds a nil pointer in an interface, which would panic at the first call.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return value.Kind() == reflect.Pointer && value.IsNil()
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func (c *Client) unsupported(what string) error {
	return &Error{
		Kind: ErrUnsupported, Operation: OperationID{Account: c.profile.Account, Kind: what},
		Err: errors.New(c.profile.Name + " has no such operation"), Next: "nothing was sent",
	}
}
