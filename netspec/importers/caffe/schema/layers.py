"""The messages of layers that compute, from src/caffe/proto/caffe.proto of BVLC's Caffe 1.0.

Some are of other versions: ShuffleChannelParameter (github.com/farmingyard/ShuffleNet), InterpParameter (DeepLab's),
and BNParameter, with the fields of two versions (github.com/alexgkendall/caffe-segnet and github.com/yjxiong/caffe).
"""

from __future__ import annotations

from netspec.importers.caffe.schema.model import notation

LAYERS = notation("""
LossParameter
    ignore_label     int
    normalization    FULL|VALID|BATCH_SIZE|NONE  VALID
    normalize        bool
AccuracyParameter
    top_k            uint         1
    axis             int          1
    ignore_label     int
ArgMaxParameter
    out_max_val      bool
    top_k            uint         1
    axis             int
BatchNormParameter
    use_global_stats bool
    moving_average_fraction  float  0.999
    eps              float        1e-5
BNParameter
    scale_filler     FillerParameter
    shift_filler     FillerParameter
    bn_mode          LEARN|INFERENCE
    slope_filler     FillerParameter
    bias_filler      FillerParameter
    momentum         float        0.9
    eps              float        1e-5
    frozen           bool
BiasParameter
    axis             int          1
    num_axes         int          1
    filler           FillerParameter
ClipParameter
    min              float
    max              float
ConcatParameter
    axis             int          1
    concat_dim       uint         1
ContrastiveLossParameter
    margin           float        1
    legacy_version   bool
ConvolutionParameter
    num_output       uint
    bias_term        bool         true
    pad*             uint         0
    kernel_size*     uint
    stride*          uint         1
    dilation*        uint         1
    pad_h            uint
    pad_w            uint
    kernel_h         uint
    kernel_w         uint
    stride_h         uint
    stride_w         uint
    group            uint         1
    weight_filler    FillerParameter
    bias_filler      FillerParameter
    engine           DEFAULT|CAFFE|CUDNN
    axis             int          1
    force_nd_im2col  bool
CropParameter
    axis             int          2
    offset*          uint
DropoutParameter
    dropout_ratio    float        0.5
    scale_train      bool         true
EltwiseParameter
    operation        PROD|SUM|MAX  SUM
    coeff*           float
    stable_prod_grad bool         true
ELUParameter
    alpha            float        1
EmbedParameter
    num_output       uint
    input_dim        uint
    bias_term        bool         true
    weight_filler    FillerParameter
    bias_filler      FillerParameter
ExpParameter
    base             float        -1
    scale            float        1
    shift            float        0
FlattenParameter
    axis             int          1
    end_axis         int          -1
HingeLossParameter
    norm             |L1|L2
InfogainLossParameter
    source           string
    axis             int          1
InnerProductParameter
    num_output       uint
    bias_term        bool         true
    weight_filler    FillerParameter
    bias_filler      FillerParameter
    axis             int          1
    transpose        bool
InterpParameter
    height           int
    width            int
    zoom_factor      int          1
    shrink_factor    int          1
    pad_beg          int
    pad_end          int
LogParameter
    base             float        -1
    scale            float        1
    shift            float        0
LRNParameter
    local_size       uint         5
    alpha            float        1
    beta             float        0.75
    norm_region      ACROSS_CHANNELS|WITHIN_CHANNEL
    k                float        1
    engine           DEFAULT|CAFFE|CUDNN
MVNParameter
    normalize_variance  bool      true
    across_channels  bool
    eps              float        1e-9
ParameterParameter
    shape            BlobShape
PoolingParameter
    pool             MAX|AVE|STOCHASTIC
    pad              uint
    pad_h            uint
    pad_w            uint
    kernel_size      uint
    kernel_h         uint
    kernel_w         uint
    stride           uint         1
    stride_h         uint
    stride_w         uint
    engine           DEFAULT|CAFFE|CUDNN
    global_pooling   bool
    round_mode       CEIL|FLOOR
PowerParameter
    power            float        1
    scale            float        1
    shift            float        0
PReLUParameter
    filler           FillerParameter
    channel_shared   bool
RecurrentParameter
    num_output       uint
    weight_filler    FillerParameter
    bias_filler      FillerParameter
    debug_info       bool
    expose_hidden    bool
ReductionParameter
    operation        |SUM|ASUM|SUMSQ|MEAN
    axis             int          0
    coeff            float        1
ReLUParameter
    negative_slope   float        0
    engine           DEFAULT|CAFFE|CUDNN
ReshapeParameter
    shape            BlobShape
    axis             int          0
    num_axes         int          -1
ScaleParameter
    axis             int          1
    num_axes         int          1
    filler           FillerParameter
    bias_term        bool
    bias_filler      FillerParameter
ShuffleChannelParameter
    group            uint         1
SigmoidParameter
    engine           DEFAULT|CAFFE|CUDNN
SliceParameter
    axis             int          1
    slice_point*     uint
    slice_dim        uint         1
SoftmaxParameter
    engine           DEFAULT|CAFFE|CUDNN
    axis             int          1
SPPParameter
    pyramid_height   uint
    pool             MAX|AVE|STOCHASTIC
    engine           DEFAULT|CAFFE|CUDNN
SwishParameter
    beta             float        1
TanHParameter
    engine           DEFAULT|CAFFE|CUDNN
ThresholdParameter
    threshold        float        0
TileParameter
    axis             int          1
    tiles            int
""")
"""The messages by name."""
