package tickets

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/filewatch"
)

// Defaults of Options.
const (
	DefaultEvery = 12 * time.Hour
	DefaultKept  = 4 // keys in all: a ticket is good for three rotations
)

// fresh is how young a key of a file must be to stand although a new one is
// asked for: so one signal to many processes makes one key.
const fresh = 5 * time.Second

// Options say where the keys are and how long they live.
type Options struct {
	File  string        // shared with other processes, made if it is missing; "": the keys are in memory only
	Every time.Duration // age at which a key is replaced; 0: DefaultEvery; negative: never by time
	Kept  int           // keys in all, at most 16; 0: DefaultKept
	Log   *slog.Logger
}

// Keys are the keys of a process. They are safe for concurrent use.
type Keys struct {
	options Options
	now     func() time.Time
	vault   tls.Config // serves nobody: it encrypts and decrypts tickets with the keys of the moment
	watch   *filewatch.Watcher
	stop    chan struct{}
	timer   sync.WaitGroup

	mu   sync.Mutex
	keys []key // newest first
	told string
}

// Open makes the first key, or loads the file, and keeps them up to date until Close.
func Open(o Options) (*Keys, error) {
	k := newKeys(o, time.Now)
	if err := k.first(); err != nil {
		return nil, err
	}
	if o.File != "" {
		k.watch = filewatch.Start(func() []string { return filewatch.Dirs(o.File) }, k.reload, k.options.Log)
	}
	if k.options.Every > 0 {
		k.timer.Go(k.run)
	}
	return k, nil
}

func newKeys(o Options, now func() time.Time) *Keys {
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Kept == 0 {
		o.Kept = DefaultKept
	}
	return &Keys{options: o, now: now, stop: make(chan struct{})}
}

// Close ends the rotation. The keys stay.
func (k *Keys) Close() {
	close(k.stop)
	k.timer.Wait()
	if k.watch != nil {
		k.watch.Close()
	}
}

// Install makes a configuration, and what is cloned from it, use the keys.
func (k *Keys) Install(c *tls.Config) {
	c.WrapSession = k.vault.EncryptTicket
	c.UnwrapSession = k.vault.DecryptTicket
}

// Rotate puts a new key first, for the tickets from now on. The oldest goes, and
// with it the sessions that it encrypted. A file whose newest key is another
// process's news, or less than 5 s old, is loaded instead.
func (k *Keys) Rotate() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.options.File == "" {
		k.use(k.withNew(k.keys))
		return nil
	}
	return k.replace(func(found []key) bool {
		return found[0] == k.keys[0] && k.now().Sub(found[0].made) >= fresh
	})
}

// first makes or loads the first keys.
func (k *Keys) first() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.options.File == "" {
		k.use(k.withNew(nil))
		return nil
	}
	keys, err := read(k.options.File)
	if missing(err) {
		return k.replace(func([]key) bool { return false })
	}
	if err != nil {
		return fmt.Errorf("TLS session ticket keys: %w", err)
	}
	k.use(keys)
	return nil
}

// errStands says that a file needs no new key.
var errStands = errors.New("the newest key stands")

// replace writes the file with a new key, if due says so of what it has, or if it is
// missing, and loads it. What another process writes at the same time is waited for.
func (k *Keys) replace(due func(found []key) bool) error {
	var keys []key
	err := filewatch.Replace(k.options.File, func() (_ []byte, err error) {
		if keys, err = read(k.options.File); err == nil && !due(keys) {
			return nil, errStands
		} else if err != nil && !missing(err) {
			return nil, err
		}
		keys = k.withNew(keys)
		return format(keys), nil
	})
	if errors.Is(err, fs.ErrExist) {
		keys, err = k.await()
	}
	if err != nil && err != errStands {
		return fmt.Errorf("TLS session ticket keys: %s cannot be replaced: %w", k.options.File, err)
	}
	k.use(keys)
	return nil
}

// await waits for a file that another process is about to put in place.
func (k *Keys) await() (keys []key, err error) {
	for range 100 {
		if keys, err = read(k.options.File); !missing(err) {
			return keys, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("%w, but %s.new, which another process writes, is not finished", err, k.options.File)
}

// withNew returns keys with a new one before them, as many as are kept.
func (k *Keys) withNew(keys []key) []key {
	newest := key{made: k.now().UTC().Truncate(time.Second)}
	rand.Read(newest.secret[:]) // never fails
	if len(keys) > 0 && keys[0].made.After(newest.made) {
		newest.made = keys[0].made // of a clock that is ahead
	}
	return append([]key{newest}, keys[:min(len(keys), k.options.Kept-1)]...)
}

// use makes keys those of the moment.
func (k *Keys) use(keys []key) {
	k.keys = keys
	secrets := make([][secretSize]byte, len(keys))
	for i := range keys {
		secrets[i] = keys[i].secret
	}
	k.vault.SetSessionTicketKeys(secrets)
}

// reload loads the file. What is wrong with it is logged once; the keys stay.
func (k *Keys) reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, err := read(k.options.File)
	if err == nil {
		k.use(keys)
	}
	k.tell(err)
}

// tell logs an error, once until it is another one or gone.
func (k *Keys) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != k.told {
		k.options.Log.Error("TLS session ticket keys not loaded, the old ones stay", "error", text)
	}
	k.told = text
}

// run replaces the key when it is too old.
func (k *Keys) run() {
	for {
		t := time.NewTimer(max(k.due(), time.Second)) // not in a rush when the file cannot be written
		select {
		case <-k.stop:
			t.Stop()
			return
		case <-t.C:
			k.age()
		}
	}
}

// due returns in what time the newest key will be too old.
func (k *Keys) due() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0].made.Add(k.options.Every).Sub(k.now())
}

// age replaces the newest key if it is too old.
func (k *Keys) age() {
	tooOld := func(keys []key) bool { return k.now().Sub(keys[0].made) >= k.options.Every }
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.options.File == "" {
		if tooOld(k.keys) {
			k.use(k.withNew(k.keys))
		}
		return
	}
	k.tell(k.replace(tooOld))
}
