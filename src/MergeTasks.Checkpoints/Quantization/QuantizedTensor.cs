using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Quantization;

/// <summary>How numbers are stored as codes and scales.</summary>
internal enum QuantizedFormat
{
    /// <summary>FP8 codes times a scale of the tensor, of a channel or of a block.</summary>
    ScaledFloat8,

    /// <summary>
    /// FP4 codes (E2M1) in blocks of 32, each times a power of two: MXFP4 of the OCP Microscaling Formats specification 1.0.
    /// </summary>
    MicroscaledFloat4,
}

/// <summary>A weight that a checkpoint stores as codes and scales.</summary>
/// <param name="Name">The weight's own name: what a checkpoint that is not quantised calls it.</param>
/// <param name="Format">How it is stored.</param>
/// <param name="Codes">The codes.</param>
/// <param name="Scales">Their scales.</param>
/// <param name="Shape">The weight's shape.</param>
/// <param name="Blocks">FP8: elements that share a scale, by dimension. MXFP4: empty.</param>
internal sealed record QuantizedTensor(
    string Name, QuantizedFormat Format, TensorInfo Codes, TensorInfo Scales, IReadOnlyList<long> Shape, IReadOnlyList<long> Blocks)
{
    /// <summary>Numbers of an MXFP4 block.</summary>
    public const int BlockLength = 32;

    /// <summary>Bytes of an MXFP4 block: two numbers each, the first in the lower half.</summary>
    public const int BlockBytes = BlockLength / 2;

    /// <summary>
    /// Whether the codes of MXFP4 are stored as [expert, out, in], where the weight is [expert, in, out]: so gpt-oss stores its experts,
    /// and so transformers turns them when it dequantises.
    /// </summary>
    public bool IsTransposed => Format == QuantizedFormat.MicroscaledFloat4 && Shape.Count == 3;

    /// <summary>Everything beside the stored bytes that the numbers depend on.</summary>
    public string Geometry =>
        $"{Format} {Codes.DType} {Scales.DType} {Scales.ShapeText} {string.Join('x', Shape)} {string.Join('x', Blocks)}";
}
