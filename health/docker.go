package health

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
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
	client, err := newDockerClient(p.host)
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
