"""The messages of a network and of its layers, from src/caffe/proto/caffe.proto of BVLC's Caffe 1.0."""

from __future__ import annotations

from netspec.importers.caffe.schema.model import notation

NETWORK = notation("""
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
