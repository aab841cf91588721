using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Reading;

namespace MergeTasks.Merging.Inputs;

/// <summary>A GGUF file as an input: weights alone, under the names of Hugging Face's checkpoints, dequantised as they are read.</summary>
/// <param name="checkpoint">The file, open.</param>
/// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
internal sealed class GgufInput(GgufCheckpoint checkpoint, FileHasher? hasher) : ModelInput
{
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

    public override ModelConfig Config => ModelConfig.None;

    public override bool HasConfig => false;

    public override Checkpoint Weights => throw new CheckpointException(
        CheckpointError.RefusedFormat, Folder, $"'{Folder}' is a GGUF file, which is merged and not run.");

    public override IEnumerable<string> Computed => Names;

    public override IReadOnlyList<string> Notes =>
        [$"'{Folder}' is dequantised as it is read; configuration and tokenizer are not taken from it"];

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

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation) => [];

    public override void Dispose() => checkpoint.Dispose();

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
