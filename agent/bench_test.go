package agent

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// BenchmarkRegister registers services by 64 callers at once, on the disk that holds
// the temporary directory, without HTTP and with it.
func BenchmarkRegister(b *testing.B) {
	b.Run("direct", func(b *testing.B) {
		x := benchAgent(b)
		register(b, func(i int) error {
			return x.RegisterService(b.Context(), web(i%60000+1, ttl(fmt.Sprint("ttl-", i), catalog.Passing)), false)
		})
	})
	b.Run("http", func(b *testing.B) {
		x := benchAgent(b)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		url := "http://" + x.http.Addr().String() + "/v1/agent/service/register"
		register(b, func(i int) error {
			body := fmt.Sprintf(`{"Name":"web","ID":"web-%d","Port":%d,"Check":{"TTL":"1h","Status":"passing"}}`, i, i%60000)
			req, err := http.NewRequest(http.MethodPut, url, strings.NewReader(body))
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("status %s", resp.Status)
			}
			return nil
		})
	})
}

// BenchmarkRegisterInACrowd does the first where 50,000 instances are there already.
func BenchmarkRegisterInACrowd(b *testing.B) {
	for _, names := range []int{1, 100, 1 << 30} {
		for _, there := range []int{0, 50000} {
			b.Run(fmt.Sprintf("services=%d/there=%d", names, there), func(b *testing.B) {
				x := benchAgent(b)
				one := func(i int) error {
					s := definition.Service{ID: fmt.Sprint("item-", i), Name: fmt.Sprint("web-", i%names), Address: "10.0.0.7", Port: 80,
						Checks: []definition.Check{ttl(fmt.Sprint("ttl-", i), catalog.Passing)}}
					return x.RegisterService(b.Context(), s, false)
				}
				registerAll(b, there, one)
				register(b, func(i int) error { return one(there + i) })
			})
		}
	}
}

func benchAgent(b *testing.B) *Agent {
	a, err := New(testConfig(b.TempDir()), Options{})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = a.Run(b.Context())
		close(done)
	}()
	b.Cleanup(func() {
		a.Close()
		<-done
	})
	return a
}

func register(b *testing.B, one func(i int) error) {
	b.ResetTimer()
	begin := time.Now()
	registerAll(b, b.N, one)
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "registrations/s")
}

func registerAll(b *testing.B, n int, one func(i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				if err := one(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
