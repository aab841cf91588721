using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Gguf.Format;

/// <summary>A model that is to be written as GGUF: all that is known of it before its weights are read.</summary>
/// <param name="Name">What the file calls it.</param>
/// <param name="Folder">Its folder, for messages.</param>
/// <param name="Config">The text of <c>config.json</c>.</param>
/// <param name="Tensors">Its tensors.</param>
/// <param name="ReadFile">The bytes of a file beside the weights; <see langword="null"/> where there is none of that name.</param>
internal sealed record ModelSource(
    string Name, string Folder, ReadOnlyMemory<byte> Config, IReadOnlyList<TensorSpec> Tensors, Func<string, byte[]?> ReadFile);
