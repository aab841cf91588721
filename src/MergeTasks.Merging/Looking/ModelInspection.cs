using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Looking;

/// <summary>What a model folder holds, as far as it can be told without reading tensor data.</summary>
/// <param name="Model">As the user named it.</param>
/// <param name="Folder">Full path.</param>
/// <param name="Kind"><c>model</c> or <c>adapter</c>.</param>
/// <param name="Architecture">The first of <c>architectures</c> in its configuration; absent where it names none.</param>
/// <param name="ModelType"><c>model_type</c>; likewise.</param>
/// <param name="Parameters">Elements of all tensors.</param>
/// <param name="Bytes">Bytes of all tensors as they are stored.</param>
/// <param name="Types">Element types, those with most bytes first.</param>
/// <param name="Layers">Stacks of layers.</param>
/// <param name="Vocabulary">Its tokens; absent where it has none that can be read.</param>
/// <param name="Licences">What its card names.</param>
/// <param name="Engine">Whether the built-in engine runs it (scores and evaluations do): absent if it does, else why not.</param>
/// <param name="Merge">What made it, by its manifest; absent where no merge did.</param>
/// <param name="Notes">What else its user should know.</param>
/// <param name="Tensors">In ordinal order of names.</param>
internal sealed record ModelInspection(
    string Model,
    string Folder,
    string Kind,
    string? Architecture,
    string? ModelType,
    long Parameters,
    long Bytes,
    IReadOnlyList<InspectedType> Types,
    IReadOnlyList<InspectedStack> Layers,
    InspectedVocabulary? Vocabulary,
    IReadOnlyList<string> Licences,
    string? Engine,
    InspectedMerge? Merge,
    IReadOnlyList<string> Notes,
    IReadOnlyList<InspectedTensor> Tensors)
{
    /// <summary>Looks at a model.</summary>
    public static ModelInspection Of(LookedModel model, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        var input = model.Input;
        var specs = input.Names.Select(name => input.Find(name)!).ToList();
        var tensors = specs.ConvertAll(spec => new InspectedTensor(
            spec.Name, spec.DType.SafetensorsName(), spec.Shape, spec.Shape.ElementCount(), spec.ByteLength));
        var files = input.SideFiles(cancellation);
        return new ModelInspection(
            model.Label,
            input.Folder,
            model.IsAdapter ? "adapter" : "model",
            input.Config.Architecture,
            input.Config.ModelType,
            tensors.Sum(tensor => tensor.Elements),
            tensors.Sum(tensor => tensor.Bytes),
            [.. tensors.GroupBy(tensor => tensor.Type)
                .Select(group => new InspectedType(group.Key, group.Count(), group.Sum(one => one.Elements), group.Sum(one => one.Bytes)))
                .OrderByDescending(type => type.Bytes)],
            [.. LayerRun.Of(input.Names).Select(stack => new InspectedStack(stack.Prefix.TrimEnd('.'), stack.Count))],
            model.IsAdapter ? null : InspectedVocabulary.Of(input, files),
            [.. input.Licences(model.Label).Select(licence => licence.Licence).Distinct()],
            WhyNotRun(model, specs),
            InspectedMerge.In(input.Folder),
            input.Notes,
            tensors);
    }

    private static string? WhyNotRun(LookedModel model, List<TensorSpec> specs)
    {
        if (model.IsAdapter)
            return "an adapter runs on its model only";
        try
        {
            CpuEngine.Describe(model.Input.Config.Text, model.Input.Folder, specs);
            return null;
        }
        catch (ModelException e)
        {
            return e.Message;
        }
    }
}

/// <summary>Tensors of one element type.</summary>
internal sealed record InspectedType(string Type, int Tensors, long Parameters, long Bytes);

/// <summary>A stack of layers.</summary>
internal sealed record InspectedStack(string Name, int Layers);

/// <summary>A tensor as it is stored, or as it is read where that differs.</summary>
internal sealed record InspectedTensor(string Name, string Type, IReadOnlyList<long> Shape, long Elements, long Bytes);

/// <summary>A model's tokens.</summary>
/// <param name="File">The file that they were read from.</param>
/// <param name="Kind"><c>BPE</c>, <c>WordPiece</c>, <c>WordLevel</c>, <c>Unigram</c>; absent where the file does not say.</param>
/// <param name="Tokens">Their number.</param>
/// <param name="Added">Added tokens, in the order of their ids.</param>
/// <param name="Rows">Rows of the embeddings; absent where none are known.</param>
/// <param name="EndTokens">Ids at which texts end.</param>
/// <param name="HasChatTemplate">Whether there is a chat template.</param>
internal sealed record InspectedVocabulary(
    string File,
    string? Kind,
    int Tokens,
    IReadOnlyList<string> Added,
    long? Rows,
    IReadOnlyList<int> EndTokens,
    bool HasChatTemplate)
{
    internal static InspectedVocabulary? Of(ModelInput model, IReadOnlyList<SideFile> files)
    {
        var rows = model.Names.Where(TensorNames.IsEmbedding).Select(name => (long?)model.Find(name)!.Shape[0]).FirstOrDefault();
        var stops = new StopTokens(files, model.Config);
        var (ends, template) = (stops.Effective.Order().ToList(), stops.Template is not null);
        if (ReadTokenizer(files) is { } own)
        {
            var added = own.Added.Keys.OrderBy(token => own.Ids[token]).ToList();
            return new InspectedVocabulary(ModelVocabulary.FileName, own.Kind, own.Ids.Count, added, rows, ends, template);
        }

        return TokenTable.Read(files) is { } table
            ? new InspectedVocabulary(table.File, null, table.Ids.Count, [], rows, ends, template) : null;
    }

    /// <summary>The <c>tokenizer.json</c> among a model's files; <see langword="null"/> where none can be read.</summary>
    internal static ModelVocabulary? ReadTokenizer(IReadOnlyList<SideFile> files)
    {
        try
        {
            return files.FirstOrDefault(file => file.Name == ModelVocabulary.FileName) is { } file
                ? ModelVocabulary.Parse(file.Read()) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}

/// <summary>What made a model, by the manifest in its folder.</summary>
/// <param name="Name">The merge.</param>
/// <param name="Tool">Name and version of what made it.</param>
/// <param name="Method">The method.</param>
/// <param name="Models">The models, as their user named them; the base's role is <c>base</c>.</param>
internal sealed record InspectedMerge(string Name, string Tool, string? Method, IReadOnlyList<InspectedSource> Models)
{
    private const string MethodKey = "merge_method:";

    internal static InspectedMerge? In(string folder) => MergeManifest.Read(folder) is not { } manifest ? null
        : new InspectedMerge(
            manifest.Name,
            manifest.Tool,
            manifest.Recipe.Split('\n').FirstOrDefault(line => line.StartsWith(MethodKey, StringComparison.Ordinal))?[MethodKey.Length..]
                .Trim(),
            [.. manifest.Inputs.Select(input => new InspectedSource(input.Model, input.Role, input.Source?.Resolved))]);
}

/// <summary>A model that another was made from.</summary>
internal sealed record InspectedSource(string Model, string Role, string? Revision);
