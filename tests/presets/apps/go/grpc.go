package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"time"

	middlewareprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

var grpcCodes = map[int]codes.Code{
	200: codes.OK, 404: codes.NotFound, 500: codes.Internal, 503: codes.Unavailable,
}

// middleware has the metrics of go-grpc-middleware, with its histogram.
func middleware(mux *http.ServeMux) {
	metrics := middlewareprom.NewServerMetrics(middlewareprom.WithServerHandlingTimeHistogram())
	prometheus.MustRegister(metrics)
	serve(mux, grpc.ChainUnaryInterceptor(metrics.UnaryServerInterceptor()))
}

// openTelemetry has the metrics of OpenTelemetry's conventions for RPC.
func openTelemetry(mux *http.ServeMux) {
	reader, err := exporter.New()
	if err != nil {
		log.Fatal(err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	serve(mux, grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithMeterProvider(provider))))
}

// serve starts a gRPC server with this option. For each HTTP request it gets one call, which ends with the code that
// corresponds to the HTTP status; the HTTP answer itself is always 200.
func serve(mux *http.ServeMux, option grpc.ServerOption) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(option)
	grpc_health_v1.RegisterHealthServer(server, &service{})
	go func() { log.Fatal(server.Serve(listener)) }()
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	client := grpc_health_v1.NewHealthClient(connection)
	mux.HandleFunc("GET /{status}/{milliseconds}", func(_ http.ResponseWriter, r *http.Request) {
		code, wait := wanted(r)
		call := metadata.AppendToOutgoingContext(r.Context(), "code", grpcCodes[code].String(), "wait", wait.String())
		_, err := client.Check(call, &grpc_health_v1.HealthCheckRequest{})
		if status.Code(err) != grpcCodes[code] {
			log.Panic(err)
		}
	})
}

// service answers a call as its metadata asks: with a code, after a time.
type service struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (service) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	wait, err := time.ParseDuration(incoming["wait"][0])
	if err != nil {
		return nil, err
	}
	time.Sleep(wait)
	for _, code := range grpcCodes {
		if code.String() == incoming["code"][0] {
			return &grpc_health_v1.HealthCheckResponse{}, status.Error(code, "as asked")
		}
	}
	return nil, status.Error(codes.InvalidArgument, "unknown code")
}
