"""The message of a solver file, from src/caffe/proto/caffe.proto of BVLC's Caffe 1.0."""

from __future__ import annotations

from netspec.importers.caffe.schema.model import notation

SOLVER = notation("""
SolverParameter
    net              string
    net_param        NetParameter
    train_net        string
    test_net*        string
    train_net_param  NetParameter
    test_net_param*  NetParameter
    train_state      NetState
    test_state*      NetState
    test_iter*       int
    test_interval    int
    test_compute_loss  bool
    test_initialization  bool     true
    base_lr          float
    display          int
    average_loss     int          1
    max_iter         int
    iter_size        int          1
    lr_policy        string
    gamma            float
    power            float
    momentum         float
    weight_decay     float
    regularization_type  string   L2
    stepsize         int
    stepvalue*       int
    clip_gradients   float        -1
    snapshot         int
    snapshot_prefix  string
    snapshot_diff    bool
    snapshot_format  HDF5|BINARYPROTO  BINARYPROTO
    solver_mode      CPU|GPU      GPU
    device_id        int
    random_seed      long         -1
    type             string       SGD
    delta            float        1e-8
    momentum2        float        0.999
    rms_decay        float        0.99
    debug_info       bool
    snapshot_after_train  bool    true
    solver_type      SGD|NESTEROV|ADAGRAD|RMSPROP|ADADELTA|ADAM
    layer_wise_reduce  bool       true
    weights*         string
""")
"""The messages by name."""
