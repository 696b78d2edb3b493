"""The messages of layers in the two older formats, from src/caffe/proto/caffe.proto of BVLC's Caffe 1.0."""

from __future__ import annotations

from netspec.importers.caffe.schema.model import notation

TYPES = (
    "NONE|ACCURACY|BNLL|CONCAT|CONVOLUTION|DATA|DROPOUT|EUCLIDEAN_LOSS|FLATTEN|HDF5_DATA|HDF5_OUTPUT|IM2COL|IMAGE_DATA"
    "|INFOGAIN_LOSS|INNER_PRODUCT|LRN|MULTINOMIAL_LOGISTIC_LOSS|POOLING|RELU|SIGMOID|SOFTMAX|SOFTMAX_LOSS|SPLIT|TANH"
    "|WINDOW_DATA|ELTWISE|POWER|SIGMOID_CROSS_ENTROPY_LOSS|HINGE_LOSS|MEMORY_DATA|ARGMAX|THRESHOLD|DUMMY_DATA|SLICE|MVN"
    "|ABSVAL|SILENCE|CONTRASTIVE_LOSS|EXP|DECONVOLUTION"
)
"""The types of layers of the second format."""

OLD = notation(f"""
V1LayerParameter
    name             string
    type             {TYPES}
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
