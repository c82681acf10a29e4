package health

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"covey/catalog"
)

// dockerProbe runs a program in a container, by the exec calls of Docker's API, and
// judges it as scriptProbe does. A program that takes too long is no longer waited for;
// the API has no way to kill it.
type dockerProbe struct {
	container string
	args      []string
	timeout   time.Duration
	host      string // where the runtime is: unix:///path
}

const dockerDefault = "unix:///var/run/docker.sock"

// containerArgs is what is run: with a shell, what it is to carry out is one argument.
func containerArgs(args []string, shell string) []string {
	if shell != "" && len(args) == 1 {
		return []string{shell, "-c", args[0]}
	}
	return args
}

func (p *dockerProbe) ask(ctx context.Context) verdict {
	code, output, err := p.exec(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return verdict{
			status:   catalog.Critical,
			output:   clean(fmt.Sprintf("Container %s: no end within %v. Output: %s", p.container, p.timeout, output)),
			timedOut: true,
		}
	case err != nil:
		return failure("Container "+p.container+": ", err, p.timeout)
	}
	return exited(code, output)
}

// exec runs the program and returns its exit code and the beginning of its output.
func (p *dockerProbe) exec(ctx context.Context) (code int, output string, err error) {
	client, err := p.client()
	if err != nil {
		return 0, "", err
	}
	var created struct{ ID string }
	err = client.call(ctx, "POST", "/containers/"+url.PathEscape(p.container)+"/exec",
		map[string]any{"AttachStdout": true, "AttachStderr": true, "Cmd": p.args}, asJSON(&created))
	if err != nil {
		return 0, "", err
	}
	var out keptOutput
	start := "/exec/" + url.PathEscape(created.ID)
	err = client.call(ctx, "POST", start+"/start", map[string]any{"Detach": false, "Tty": false}, func(r io.Reader) error {
		return demultiplex(&out, r)
	})
	if err != nil {
		return 0, out.String(), err
	}
	var ended struct {
		ExitCode *int
		Running  bool
	}
	err = client.call(ctx, "GET", start+"/json", nil, asJSON(&ended))
	if err == nil && (ended.Running || ended.ExitCode == nil) {
		err = errors.New("the program closed its output and runs on")
	}
	if err != nil {
		return 0, out.String(), err
	}
	return *ended.ExitCode, out.String(), nil
}

// dockerClient calls the API, each time over a connection of its own.
type dockerClient struct{ http *http.Client }

func (p *dockerProbe) client() (*dockerClient, error) {
	path, ok := strings.CutPrefix(p.host, "unix://")
	if !ok {
		return nil, fmt.Errorf("DOCKER_HOST is %q; only a socket of this host can be asked, such as %s", p.host, dockerDefault)
	}
	var plain net.Dialer
	return &dockerClient{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := plain.DialContext(ctx, "unix", path)
			if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
				err = fmt.Errorf("no container runtime listens on %s", path)
			}
			return conn, err
		},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
	}}}, nil
}

// call sends a request and hands the body of a successful answer to read.
func (c *dockerClient) call(ctx context.Context, method, path string, body any, read func(io.Reader) error) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the URL, which is made up
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		var said struct{ Message string }
		_ = asJSON(&said)(response.Body) // what is no JSON says nothing
		return fmt.Errorf("the container runtime refuses (%s): %s", response.Status, said.Message)
	}
	return read(response.Body)
}

func asJSON(into any) func(io.Reader) error {
	return func(r io.Reader) error {
		if err := json.NewDecoder(io.LimitReader(r, readBody)).Decode(into); err != nil {
			return fmt.Errorf("the container runtime's answer cannot be read: %w", err)
		}
		return nil
	}
}

// demultiplex takes the frames apart in which both outputs of a program without a
// terminal come: a byte for which it is, three of nothing, four of length.
func demultiplex(out io.Writer, from io.Reader) error {
	var header [8]byte
	for {
		if _, err := io.ReadFull(from, header[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if header[0] > 2 || header[1]|header[2]|header[3] != 0 {
			return errors.New("the container runtime's answer is no stream of outputs")
		}
		if _, err := io.CopyN(out, from, int64(binary.BigEndian.Uint32(header[4:]))); err != nil {
			return err
		}
	}
}
