using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Quantization;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>A model whose weights are stored as codes and scales, as an input of numbers: dequantised as it is read.</summary>
/// <param name="model">The model as it is stored; disposed with this.</param>
/// <param name="quantized">What of it is quantised; nothing where its configuration alone says so.</param>
internal sealed class DequantizedInput(ModelInput model, QuantizedCheckpoint quantized) : ModelInput
{
    private readonly DType _dtype = model.Config.DType is { } declared && declared is DType.F16 or DType.BF16 or DType.F32
        ? declared
        : DType.BF16;
    private ModelConfig? _config;

    /// <summary>The model, or what it means where it is quantised.</summary>
    /// <exception cref="CheckpointException">It is quantised in a way that is not read.</exception>
    public static ModelInput Of(ModelInput model) =>
        QuantizedCheckpoint.Of(model.Weights, model.Config) is { } quantized ? new DequantizedInput(model, quantized) : model;

    public override string Folder => model.Folder;

    public override IEnumerable<string> Folders => model.Folders;

    public override IEnumerable<string> Names =>
        model.Names
            .Where(name => !quantized.Parts.Contains(name))
            .Union(quantized.Tensors.Keys, StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);

    public override ModelConfig Config => _config ??= model.Config.WithoutQuantization();

    public override Checkpoint Weights => model.Weights;

    public override IEnumerable<string> Computed => quantized.Tensors.Keys;

    public override IReadOnlyList<string> Notes =>
        [.. model.Notes, quantized.Tensors.Count == 0
            ? $"the configuration of '{Folder}' speaks of a quantisation that its weights do not have; the output's does not"
            : $"'{Folder}' stores {quantized.Tensors.Count} weights quantised "
                + $"({string.Join(", ", quantized.Tensors.Values.Select(FormatOf).Distinct().Order(StringComparer.Ordinal))}); they are "
                + "dequantised, and the output is not quantised"];

    public override TensorSpec? Find(string name) =>
        quantized.Tensors.TryGetValue(name, out var tensor) ? new TensorSpec(name, _dtype, tensor.Shape)
        : quantized.Parts.Contains(name) ? null : model.Find(name);

    public override DType ContentType(string name) => quantized.Tensors.ContainsKey(name) ? DType.F32 : model.ContentType(name);

    public override TensorContent Open(string name) => quantized.Tensors.TryGetValue(name, out var tensor)
        ? new Content(tensor, Weights.FileOf(tensor.Codes.Name), Weights.FileOf(tensor.Scales.Name)) : model.Open(name);

    public override ContentDigest Identity(string name, CancellationToken cancellation) =>
        !quantized.Tensors.TryGetValue(name, out var tensor)
        ? model.Identity(name, cancellation)
        : model.Identity(tensor.Codes.Name, cancellation) is var codes && codes.Equals(default) ? default
        : ContentDigest.Of($"dequantised 1\n{codes}\n{model.Identity(tensor.Scales.Name, cancellation)}\n{tensor.Geometry}\n");

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => model.SideFiles(cancellation);

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles => model.ForeignFiles;

    public override void Dispose() => model.Dispose();

    private static string FormatOf(QuantizedTensor tensor) =>
        tensor.Format == QuantizedFormat.MicroscaledFloat4 ? "MXFP4" : "FP8 with scales";

    private sealed class Content(QuantizedTensor tensor, SafetensorsFile codes, SafetensorsFile scales) : TensorContent
    {
        private readonly Lazy<float[]> _scales = new(() => DequantizedReader.ReadScales(tensor, scales));

        public override DType DType => DType.F32;

        public override TensorReader NewReader(WindowMemory memory) => new Reader(new DequantizedReader(tensor, codes, _scales.Value));
    }

    private sealed class Reader(DequantizedReader reader) : TensorReader
    {
        public override void Read(long start, Span<float> destination, long until) => reader.Read(start, destination);
    }
}
