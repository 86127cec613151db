package load

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

var errField = errors.New("load: the answer lacks a header field that every server must send")

// Check gets the target once and returns an error unless it is a 200 whose
// body has the right length and which has Date, Content-Type and Content-Length.
func Check(t Target) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Get("http://" + t.Addr.String() + t.Path)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("load: body: %w", err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %s", errStatus, resp.Status)
	case n != t.Size || resp.ContentLength != t.Size:
		return fmt.Errorf("%w: %d bytes, Content-Length %d, want %d", errSize, n, resp.ContentLength, t.Size)
	}
	for _, name := range []string{"Date", "Content-Type"} {
		if resp.Header.Get(name) == "" {
			return fmt.Errorf("%w: %s", errField, name)
		}
	}
	return nil
}
