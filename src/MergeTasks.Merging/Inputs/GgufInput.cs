using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Reading;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A GGUF file as an input: a model like any other, under the names of Hugging Face's checkpoints, dequantised as it is read, with the
/// configuration and the tokenizer that its keys are.
/// </summary>
/// <param name="checkpoint">The file, open.</param>
/// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
internal sealed class GgufInput(GgufCheckpoint checkpoint, FileHasher? hasher) : ModelInput
{
    private readonly Lazy<ModelConfig> _config = new(() => ModelConfig.Parse(checkpoint.Config, checkpoint.Path)!);
    private readonly Lazy<(IReadOnlyList<SideFile> Files, string? Refusal)> _tokenizer = new(() => Tokenizer(checkpoint.File));
    private FileDigests? _digests;

    /// <summary>Whether a path is read so, by its name.</summary>
    public static bool Is(string path) => path.EndsWith(MergedFiles.GgufExtension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is none whose tensors have names here.</exception>
    public static GgufInput Open(string path, FileHasher? hasher)
    {
        try
        {
            return new GgufInput(GgufCheckpoint.Open(path), hasher);
        }
        catch (GgufException e)
        {
            throw new CheckpointException(
                e.Error == GgufError.UnknownArchitecture ? CheckpointError.RefusedFormat : CheckpointError.Malformed,
                path,
                $"'{path}' {e.Message}.",
                e);
        }
    }

    public override string Folder => checkpoint.Path;

    public override IEnumerable<string> Names => checkpoint.Names;

    public override ModelConfig Config => _config.Value;

    public override Checkpoint Weights => throw new NotSupportedException("No tensor of a GGUF file is mapped: each one is computed.");

    public override IEnumerable<string> Computed => Names;

    public override string ConfigPath => Folder;

    public override string? TokenizerRefusal => _tokenizer.Value.Refusal;

    public override IReadOnlyList<string> Notes =>
    [
        $"'{Folder}' is dequantised as it is read",
        .. TokenizerRefusal is { } refusal ? [$"the tokenizer of '{Folder}' is not read: it {refusal}"] : Array.Empty<string>(),
    ];

    public override TensorSpec? Find(string name) => checkpoint.Find(name);

    public override DType ContentType(string name) => DType.F32;

    public override TensorContent Open(string name) => new Content(checkpoint, name);

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        if (hasher is null)
            return default;
        _digests ??= hasher.Digest(
            Folder,
            DigestKind.Sha256,
            () =>
            [
                .. checkpoint.File.Tensors.Values
                    .Select(tensor => new FilePart(tensor.Tensor.Name, tensor.Offset, tensor.Tensor.ByteLength)),
            ],
            cancellation);
        var parts = checkpoint.PartsOf(name).Select(part => $"{checkpoint.File.Tensors[part].Tensor.Type} {_digests.Parts[part]}\n");
        return ContentDigest.Of($"gguf 1 {checkpoint.File.Text("general.architecture")} {name}\n{string.Concat(parts)}");
    }

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => _tokenizer.Value.Files;

    public override IReadOnlyList<ModelLicence> Licences(string label) =>
        checkpoint.File.Text("general.license") is { } licence && ModelLicence.Identifier(licence) is { } identifier
            ? [new ModelLicence(label, identifier)] : [];

    public override void Dispose() => checkpoint.Dispose();

    private static (IReadOnlyList<SideFile>, string?) Tokenizer(GgufFile file)
    {
        try
        {
            return ([.. VocabularyImport.Files(file).Select(one => SideFile.Of(one.Name, one.Content))], null);
        }
        catch (GgufException e)
        {
            return ([], e.Message);
        }
    }

    private sealed class Content(GgufCheckpoint checkpoint, string name) : TensorContent
    {
        public override DType DType => DType.F32;

        public override TensorReader NewReader(WindowMemory memory) => new Reader(checkpoint.NewReader(name));
    }

    private sealed class Reader(GgufTensorReader reader) : TensorReader
    {
        public override void Read(long start, Span<float> destination, long until) => reader.Read(start, destination);
    }
}
