package interop

import (
	"time"

	dataorca "github.com/cncf/xds/go/xds/data/orca/v3"
	serviceorca "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/orca"
)

// reports is the OpenRcaService of a server, as often as the client asks for
// reports: that of package orca makes none more often than every 30 s.
type reports struct {
	serviceorca.UnimplementedOpenRcaServiceServer
	metrics orca.ServerMetricsProvider
}

func (r reports) StreamCoreMetrics(ask *serviceorca.OrcaLoadReportRequest, st grpc.ServerStreamingServer[dataorca.OrcaLoadReport]) error {
	tick := time.NewTicker(max(ask.GetReportInterval().AsDuration(), 100*time.Millisecond))
	defer tick.Stop()
	for {
		m := r.metrics.ServerMetrics()
		err := st.Send(&dataorca.OrcaLoadReport{ // a negative metric is not set
			CpuUtilization: max(0, m.CPUUtilization), MemUtilization: max(0, m.MemUtilization), Utilization: m.Utilization,
		})
		if err != nil {
			return err
		}
		select {
		case <-st.Context().Done():
			return st.Context().Err()
		case <-tick.C:
		}
	}
}
