using System.Text;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Inputs;

/// <summary>A file to put beside the weights.</summary>
/// <param name="Name">File name.</param>
/// <param name="Digest">Digest of its content.</param>
/// <param name="Source">Full path of the file to copy; <see langword="null"/> where <paramref name="Content"/> is given.</param>
/// <param name="Content">The content, where it is made and not copied.</param>
internal sealed record SideFile(string Name, ContentDigest Digest, string? Source, byte[]? Content)
{
    /// <summary>A file whose content is made.</summary>
    public static SideFile Of(string name, byte[] content) => new(name, TreeDigest.Of(content), null, content);

    /// <summary>The content.</summary>
    /// <exception cref="FileFault">It cannot be read, is larger than any JSON file, or is not what was digested any more.</exception>
    public byte[] Read()
    {
        if (Content is not null)
            return Content;
        var content = InputFile.ReadAll(Source!, JsonText.LongestFile);
        return Digest == default || TreeDigest.Of(content) == Digest ? content : throw FileFault.Changed(Source!);
    }

    /// <summary>The content of a text.</summary>
    /// <exception cref="FileFault">It cannot be read, or is no UTF-8 text.</exception>
    public string ReadText() => Content is null ? InputFile.ReadText(Source!, JsonText.LongestFile) : Encoding.UTF8.GetString(Content);

    /// <summary>Full path of a file with the content.</summary>
    /// <param name="output">The folder of the output that it belongs to, where a file is made that has no other.</param>
    public string PathIn(string output) => Source ?? Path.Combine(output, Name);

    /// <summary>Bytes of the content.</summary>
    public long Length => Content?.Length ?? FileStatus.Of(Source!).Size;
}

/// <summary>A model as an input of a merge: its tensors and their identity, known without reading them where possible.</summary>
internal abstract class ModelInput : IDisposable
{
    /// <summary>Its folder, which may not be filled yet if another merge makes it.</summary>
    public abstract string Folder { get; }

    /// <summary>All folders that it is read from.</summary>
    public virtual IEnumerable<string> Folders => [Folder];

    /// <summary>Names of its tensors, in ordinal order.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>What it declares of itself.</summary>
    public abstract ModelConfig Config { get; }

    /// <summary>Its weights, open for reading.</summary>
    /// <exception cref="CheckpointException">They cannot be opened (any more).</exception>
    public abstract Checkpoint Weights { get; }

    /// <summary>A tensor's type and shape; <see langword="null"/> where it has none of that name.</summary>
    public abstract TensorSpec? Find(string name);

    /// <summary>Names of the tensors that are not what <see cref="Weights"/> holds under these names.</summary>
    public virtual IEnumerable<string> Computed => [];

    /// <summary>Whether its folder holds all of it as it is: configuration and tensors.</summary>
    public virtual bool IsStored => false;

    /// <summary>The model that has a tensor as its own, and the tensor's name there.</summary>
    public virtual (ModelInput Model, string Tensor) Origin(string name) => (this, name);

    /// <summary>
    /// Which rows of a tensor are the model's own, and not made up for a vocabulary with tokens that it lacks; <see langword="null"/>: all.
    /// </summary>
    public virtual Func<long, bool>? OwnRows(string name) => null;

    /// <summary>
    /// The type in which a tensor's elements are exact: the stored one, or fp32 where they are computed from several tensors.
    /// </summary>
    public virtual DType ContentType(string name) => Find(name)!.DType;

    /// <summary>The elements of a tensor.</summary>
    /// <exception cref="CheckpointException">The weights cannot be opened (any more).</exception>
    public virtual TensorContent Open(string name) => new StoredTensor(Weights.FileOf(name), Weights.Find(name)!);

    /// <summary>
    /// What identifies a tensor's content: a digest of its bytes, or of everything that it is computed from, or the key of the merge that
    /// makes it.
    /// </summary>
    public abstract ContentDigest Identity(string name, CancellationToken cancellation);

    /// <summary>The licences that its card names, and that of everything it is made from.</summary>
    /// <param name="label">As the user named the model.</param>
    public virtual IReadOnlyList<ModelLicence> Licences(string label) =>
        [.. Folders.SelectMany(folder => ModelLicence.In(folder, label)).Distinct()];

    /// <summary>Whether it is a model folder, and not weights alone.</summary>
    public virtual bool HasConfig => true;

    /// <summary>The files beside the weights that an output made from this model gets.</summary>
    public abstract IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation);

    /// <summary>
    /// Files beside the weights that are left out because they are links out of the model's folder, with where they lead.
    /// </summary>
    public virtual IReadOnlyList<(string Path, string Target)> ForeignFiles => [];

    /// <summary>Where <see cref="Config"/> is read from, for messages.</summary>
    public virtual string ConfigPath => Path.Combine(Folder, ModelConfig.FileName);

    /// <summary>
    /// Why there is no tokenizer among <see cref="SideFiles"/> although the model has one ("it …"); <see langword="null"/> where there is
    /// one, or none is known of.
    /// </summary>
    public virtual string? TokenizerRefusal => null;

    /// <summary>What its user should know of how it is read, each without a full stop.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>What its user is warned of, each without a full stop. As the model was opened: no wrapper repeats them.</summary>
    public virtual IReadOnlyList<(DiagnosticCode Code, string Text)> Warnings => [];

    /// <inheritdoc/>
    public abstract void Dispose();
}
