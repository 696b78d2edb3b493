"""The messages of networks, of layers that read data, of the two older formats and of solvers, from
src/caffe/proto/caffe.proto of BVLC's Caffe 1.0. Those of the other layers are in ``layers``."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.caffe.schema.layers import LAYERS
from netspec.importers.caffe.schema.model import MessageType, notation

_NETWORK = notation("""
NetParameter
    name             string
    input*           string
    input_shape*     BlobShape
    input_dim*       int
    force_backward   bool
    state            NetState
    debug_info       bool
    layer*           LayerParameter
    layers*          V1LayerParameter
NetState
    phase            TRAIN|TEST   TEST
    level            int
    stage*           string
NetStateRule
    phase            TRAIN|TEST
    min_level        int
    max_level        int
    stage*           string
    not_stage*       string
BlobShape
    dim*             long
BlobProto
    shape            BlobShape
    data*            float
    diff*            float
    double_data*     float
    double_diff*     float
    num              int
    channels         int
    height           int
    width            int
ParamSpec
    name             string
    share_mode       STRICT|PERMISSIVE
    lr_mult          float        1
    decay_mult       float        1
LayerParameter
    name             string
    type             string
    bottom*          string
    top*             string
    phase            TRAIN|TEST
    loss_weight*     float
    param*           ParamSpec
    blobs*           BlobProto
    propagate_down*  bool
    include*         NetStateRule
    exclude*         NetStateRule
    transform_param         TransformationParameter
    loss_param              LossParameter
    accuracy_param          AccuracyParameter
    argmax_param            ArgMaxParameter
    batch_norm_param        BatchNormParameter
    bias_param              BiasParameter
    bn_param                BNParameter
    clip_param              ClipParameter
    concat_param            ConcatParameter
    contrastive_loss_param  ContrastiveLossParameter
    convolution_param       ConvolutionParameter
    crop_param              CropParameter
    data_param              DataParameter
    dropout_param           DropoutParameter
    dummy_data_param        DummyDataParameter
    eltwise_param           EltwiseParameter
    elu_param               ELUParameter
    embed_param             EmbedParameter
    exp_param               ExpParameter
    flatten_param           FlattenParameter
    hdf5_data_param         HDF5DataParameter
    hdf5_output_param       HDF5OutputParameter
    hinge_loss_param        HingeLossParameter
    image_data_param        ImageDataParameter
    infogain_loss_param     InfogainLossParameter
    inner_product_param     InnerProductParameter
    input_param             InputParameter
    interp_param            InterpParameter
    log_param               LogParameter
    lrn_param               LRNParameter
    memory_data_param       MemoryDataParameter
    mvn_param               MVNParameter
    parameter_param         ParameterParameter
    pooling_param           PoolingParameter
    power_param             PowerParameter
    prelu_param             PReLUParameter
    python_param            PythonParameter
    recurrent_param         RecurrentParameter
    reduction_param         ReductionParameter
    relu_param              ReLUParameter
    reshape_param           ReshapeParameter
    scale_param             ScaleParameter
    shuffle_channel_param   ShuffleChannelParameter
    sigmoid_param           SigmoidParameter
    softmax_param           SoftmaxParameter
    spp_param               SPPParameter
    slice_param             SliceParameter
    swish_param             SwishParameter
    tanh_param              TanHParameter
    threshold_param         ThresholdParameter
    tile_param              TileParameter
    window_data_param       WindowDataParameter
FillerParameter
    type             string       constant
    value            float        0
    min              float        0
    max              float        1
    mean             float        0
    std              float        1
    sparse           int          -1
    variance_norm    FAN_IN|FAN_OUT|AVERAGE
""")
"""The messages by name."""


_DATA = notation("""
TransformationParameter
    scale            float        1
    mirror           bool
    crop_size        uint
    mean_file        string
    mean_value*      float
    force_color      bool
    force_gray       bool
DataParameter
    source           string
    batch_size       uint
    rand_skip        uint
    backend          LEVELDB|LMDB
    scale            float        1
    mean_file        string
    crop_size        uint
    mirror           bool
    force_encoded_color  bool
    prefetch         uint         4
DummyDataParameter
    data_filler*     FillerParameter
    shape*           BlobShape
    num*             uint
    channels*        uint
    height*          uint
    width*           uint
HDF5DataParameter
    source           string
    batch_size       uint
    shuffle          bool
HDF5OutputParameter
    file_name        string
ImageDataParameter
    source           string
    batch_size       uint         1
    rand_skip        uint
    shuffle          bool
    new_height       uint
    new_width        uint
    is_color         bool         true
    scale            float        1
    mean_file        string
    crop_size        uint
    mirror           bool
    root_folder      string
InputParameter
    shape*           BlobShape
MemoryDataParameter
    batch_size       uint
    channels         uint
    height           uint
    width            uint
PythonParameter
    module           string
    layer            string
    param_str        string
    share_in_parallel  bool
WindowDataParameter
    source           string
    scale            float        1
    mean_file        string
    batch_size       uint
    crop_size        uint
    mirror           bool
    fg_threshold     float        0.5
    bg_threshold     float        0.5
    fg_fraction      float        0.25
    context_pad      uint
    crop_mode        string       warp
    cache_images     bool
    root_folder      string
""")
"""The messages by name."""


_TYPES = (
    "NONE|ACCURACY|BNLL|CONCAT|CONVOLUTION|DATA|DROPOUT|EUCLIDEAN_LOSS|FLATTEN|HDF5_DATA|HDF5_OUTPUT|IM2COL|IMAGE_DATA"
    "|INFOGAIN_LOSS|INNER_PRODUCT|LRN|MULTINOMIAL_LOGISTIC_LOSS|POOLING|RELU|SIGMOID|SOFTMAX|SOFTMAX_LOSS|SPLIT|TANH"
    "|WINDOW_DATA|ELTWISE|POWER|SIGMOID_CROSS_ENTROPY_LOSS|HINGE_LOSS|MEMORY_DATA|ARGMAX|THRESHOLD|DUMMY_DATA|SLICE|MVN"
    "|ABSVAL|SILENCE|CONTRASTIVE_LOSS|EXP|DECONVOLUTION"
)
"""The types of layers of the second format."""

_OLD = notation(f"""
V1LayerParameter
    name             string
    type             {_TYPES}
    bottom*          string
    top*             string
    include*         NetStateRule
    exclude*         NetStateRule
    blobs*           BlobProto
    param*           string
    blob_share_mode* STRICT|PERMISSIVE
    blobs_lr*        float
    weight_decay*    float
    loss_weight*     float
    layer            V0LayerParameter
    accuracy_param          AccuracyParameter
    argmax_param            ArgMaxParameter
    concat_param            ConcatParameter
    contrastive_loss_param  ContrastiveLossParameter
    convolution_param       ConvolutionParameter
    data_param              DataParameter
    dropout_param           DropoutParameter
    dummy_data_param        DummyDataParameter
    eltwise_param           EltwiseParameter
    exp_param               ExpParameter
    hdf5_data_param         HDF5DataParameter
    hdf5_output_param       HDF5OutputParameter
    hinge_loss_param        HingeLossParameter
    image_data_param        ImageDataParameter
    infogain_loss_param     InfogainLossParameter
    inner_product_param     InnerProductParameter
    lrn_param               LRNParameter
    memory_data_param       MemoryDataParameter
    mvn_param               MVNParameter
    pooling_param           PoolingParameter
    power_param             PowerParameter
    relu_param              ReLUParameter
    sigmoid_param           SigmoidParameter
    softmax_param           SoftmaxParameter
    slice_param             SliceParameter
    tanh_param              TanHParameter
    threshold_param         ThresholdParameter
    window_data_param       WindowDataParameter
    transform_param         TransformationParameter
    loss_param              LossParameter
V0LayerParameter
    name             string
    type             string
    num_output       uint
    biasterm         bool         true
    weight_filler    FillerParameter
    bias_filler      FillerParameter
    pad              uint
    kernelsize       uint
    group            uint         1
    stride           uint         1
    pool             MAX|AVE|STOCHASTIC
    dropout_ratio    float        0.5
    local_size       uint         5
    alpha            float        1
    beta             float        0.75
    k                float        1
    source           string
    scale            float        1
    meanfile         string
    batchsize        uint
    cropsize         uint
    mirror           bool
    blobs*           BlobProto
    blobs_lr*        float
    weight_decay*    float
    rand_skip        uint
    det_fg_threshold float        0.5
    det_bg_threshold float        0.5
    det_fg_fraction  float        0.25
    det_context_pad  uint
    det_crop_mode    string       warp
    new_num          int
    new_channels     int
    new_height       int
    new_width        int
    shuffle_images   bool
    concat_dim       uint         1
    hdf5_output_param  HDF5OutputParameter
""")
"""The messages by name."""


_SOLVER = notation("""
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


MESSAGES: Mapping[str, MessageType] = {**_NETWORK, **LAYERS, **_DATA, **_OLD, **_SOLVER}
"""The messages by name."""
