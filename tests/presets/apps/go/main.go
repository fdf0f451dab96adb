// Go applications for the proof of presets: `apps KIND PORT`. Each answers GET /STATUS/MILLISECONDS with that HTTP
// status after that time, and serves /metrics.
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

var kinds = map[string]func(*http.ServeMux){
	"upstream": upstream,
	"promhttp": instrumented,
	"grpc":     middleware,
	"otelgrpc": openTelemetry,
}

func main() {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	kinds[os.Args[1]](mux)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], mux))
}

// upstream is a server without metrics, for proxies. After a crash the client gets no answer.
func upstream(mux *http.ServeMux) {
	mux.HandleFunc("GET /{status}/{milliseconds}", answer)
	mux.HandleFunc("GET /crash", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// instrumented has the metrics that promhttp's documentation shows.
func instrumented(mux *http.ServeMux) {
	labels := []string{"code", "method"}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total"}, labels)
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds"}, labels)
	prometheus.MustRegister(requests, duration)
	mux.Handle("GET /{status}/{milliseconds}", promhttp.InstrumentHandlerCounter(requests,
		promhttp.InstrumentHandlerDuration(duration, http.HandlerFunc(answer))))
}

func answer(w http.ResponseWriter, r *http.Request) {
	status, wait := wanted(r)
	time.Sleep(wait)
	w.WriteHeader(status)
}

func wanted(r *http.Request) (status int, wait time.Duration) {
	status, err := strconv.Atoi(r.PathValue("status"))
	if err != nil {
		log.Panic(err)
	}
	milliseconds, err := strconv.Atoi(r.PathValue("milliseconds"))
	if err != nil {
		log.Panic(err)
	}
	return status, time.Duration(milliseconds) * time.Millisecond
}
