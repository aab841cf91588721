using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.BuiltIn;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Everything that a project file can say. Checks of spelling take names from here; the reference and the schema for editors are generated
/// from it.
/// </summary>
public static class ProjectSurface
{
    private static readonly SurfaceName DType = new("DType", "Element type of the output; in compatibility mode also that of the arithmetic. Default: the base's own.") { Values = [.. DTypes.FloatingPointTorchNames] };
    private static readonly SurfaceName OutDType = new("OutDType", "Element type of the output where it differs from DType.") { Values = [.. DTypes.FloatingPointTorchNames] };

    // Metadata that a property with 'Merge' in front sets for all merges.
    private static readonly IReadOnlyList<SurfaceName> Defaultable =
    [
        DType,
        OutDType,
        new("MaxShardSize", "Size of one weight file, such as 5GB or 512MiB; 0 for a single file.") { Default = "5GB" },
        new("Seed", "Seed of random masks.") { Default = "0", Type = "int" },
        new("Compatibility", "mergekit reproduces mergekit's rounding and random numbers.") { Default = "none", Values = ["none", "mergekit"] },
        new("Strict", "Whether models that lack tensors of the base are refused.") { Default = "false", Type = "bool" },
        new("NonFinite", "NaN or infinity in an input: an error, or merged like other numbers.") { Default = "error", Values = ["error", "keep"] },
        new(ItemMetadata.HashWeights, "Whether the statement of provenance has the SHA-256 of the output's weight files.") { Default = "false", Type = "bool" },
        .. ImportanceOption.All.Select(option => Of(option.Metadata, option.Form, option.Description) with { Default = option.Default }),
    ];

    private static readonly SurfaceName Parameters = new("Parameters", "More of the method's parameters, as name=value pairs.") { IsList = true };

    /// <summary>A merge.</summary>
    public static SurfaceItem MergedModel { get; } = new(
        "MergedModel", "A merge, whose output is a model folder.", "A name, or a recipe file (.yml, .yaml).",
        [
            new("Method", "How tensors are merged.") { Values = [.. MergeMethods.All.Select(method => method.Name)] },
            new("Base", "The base model: a folder, a reference, or another merge's name.") { Type = "file-or-folder" },
            new(ItemMetadata.BaseAdapter, "A LoRA adapter for the base.") { Type = "file-or-folder" },
            Parameters,
            new("MergeTensors", "Globs of tensor names: only these are merged, the others are the base's.") { IsList = true },
            new("KeepTensors", "Globs of tensor names that are not merged but the base's.") { IsList = true },
            new("PostWeightsPosition", "Where gradients are evaluated for the final norm and the head: at their beginning, 0, or at their end, 1.") { Default = "0", Values = ["0", "1"] },
            new(ItemMetadata.TokenizerSource, "Where the models' vocabularies differ: union, base, or one of the models."),
            new(ItemMetadata.TokenizerPadToMultipleOf, "Rows of the embeddings are made a multiple of this.") { Type = "int" },
            new(ItemMetadata.ChatTemplate, "auto, the name of a built-in template, or a Jinja template."),
            .. Defaultable,
            new("MergedModelName", "The merge's name; default: the item's value, a recipe's file name without extension."),
            new("OutputDirectory", "The output's folder; default: one of the merge's name in MergedModelsOutputPath.") { Type = "folder" },
            new("CopyToPublishDirectory", "Whether publish carries the model.") { Default = "true", Type = "bool" },
            new("Pack", "Whether pack does.") { Default = "true", Type = "bool" },
        ]);

    /// <summary>A model that goes into a merge.</summary>
    public static SurfaceItem MergeSource { get; } = new(
        "MergeSource", "A model that goes into a merge.", "A model folder, a reference, or another merge's name.",
        [
            new("Into", "The merge; may be left out where there is one.") { IsList = true },
            new("As", "The model's name in a recipe."),
            new(ItemMetadata.Adapter, "A LoRA adapter for the model.") { Type = "file-or-folder" },
            new(ImportanceOption.TaskData, "Samples of the model's task, for APL: .jsonl with {\"prompt\", \"target\"}, for classifiers {\"text\", \"label\"}.") { Type = "file" },
            Parameters,
        ]);

    /// <summary>What merges are measured on.</summary>
    public static SurfaceItem MergeEvaluation { get; } = new(
        "MergeEvaluation", "Texts or samples that EvaluateMerges measures a merge on.", "A .jsonl file; the keys of its first line say what it measures.",
        [
            new("Into", "The merge; may be left out where there is one.") { IsList = true },
            new("TokensPerText", "Most tokens of a text.") { Default = "512", Type = "int" },
            new("MinExactMatch", "Share of samples that must be answered exactly."),
            new("MinAccuracy", "Share of samples that must be answered rightly."),
            new("MaxPerplexity", "Largest perplexity."),
            new("MaxRegression", "How much worse than its base the merge may be: a share of the perplexity, or of the samples."),
        ]);

    /// <summary>What this package adds to references to other projects.</summary>
    public static SurfaceItem ProjectReference { get; } = new(
        "ProjectReference", "A reference to another project, whose merged models become sources.", "The other project's file.",
        [
            new("MergeInto", "The merge that takes the other project's model."),
            new("FromMerge", "Which of the other project's merges; default: all."),
            new("As", "The model's name in a recipe."),
        ]);

    /// <summary>All item types.</summary>
    public static IReadOnlyList<SurfaceItem> Items { get; } = [MergedModel, MergeSource, MergeEvaluation, ProjectReference];

    /// <summary>Metadata that sets a parameter, and what it says in the methods that have it.</summary>
    public static IReadOnlyList<SurfaceName> ParameterMetadata { get; } =
    [
        .. MergeMethods.All.SelectMany(method => method.Parameters.Select(parameter => (Method: method.Name, Parameter: parameter)))
            .GroupBy(pair => pair.Parameter.MetadataName, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new SurfaceName(group.Key, $"{group.First().Parameter.Description} Of {string.Join(", ", group.Select(pair => pair.Method))}.")),
    ];

    /// <summary>The properties.</summary>
    public static IReadOnlyList<SurfaceName> Properties { get; } =
    [
        new("MergeEnabled", "Whether builds merge.") { Default = "true", Type = "bool" },
        new("MergedModelsOutputPath", "The folder that gets one folder per merge.") { Default = "bin/<configuration>/models/", Type = "folder" },
        new("MergeCachePath", "The folder of scores and of what is remembered of files; default: the environment variable MERGETASKS_CACHE, else the user's cache folder.") { Type = "folder" },
        new("MergeCacheMaxSize", "Size that cached scores may reach before those that were not used for the longest time are removed.") { Default = "20GiB" },
        new("MergeCache", "refresh computes scores again that are cached.") { Values = ["refresh"] },
        new("MergeThreads", "Threads per merge; 0 is one per core, 16 at most.") { Default = "0", Type = "int" },
        new(DeviceRequest.DeviceProperty, "Where models run to be scored and evaluated: the built-in engine (cpu), or, with the package MergeTasks.Torch, cuda, one of several devices (cuda:N) or libtorch on the processor (torch-cpu). auto: cuda where package, driver and device are there, else cpu.") { Default = "auto", Values = DeviceRequest.Devices },
        new(DeviceRequest.PrecisionProperty, "How matrices are multiplied on such a device: in fp32, or with operands and results of products with weights rounded to bf16 and sums in fp32. The built-in engine always computes in fp32.") { Default = "fp32", Values = DeviceRequest.Precisions },
        new(DeviceRequest.ArithmeticProperty, "Whether tsv and regmean compute on such a device too; false: on the processor. Other methods are bound by reading and always stay there.") { Default = "true", Type = "bool" },
        new(DeviceRequest.MemoryProperty, "Most memory of such a device for weights that stay there between runs, such as 16GB; the others are copied to it layer by layer. Default: most of what is free."),
        new("MergeInParallel", "Whether merges of one project run at the same time.") { Default = "false", Type = "bool" },
        new("EvaluateMergesOnBuild", "Whether every build ends with EvaluateMerges.") { Default = "false", Type = "bool" },
        new("MergeCleanOutputs", "Whether clean removes models.") { Default = "true", Type = "bool" },
        new("ModelsLockFile", "What models from elsewhere were resolved to; meant to be committed.") { Default = "models.lock.json", Type = "file" },
        new("UpdateModels", "Whether branches and version ranges are resolved anew, and the lock file with them.") { Default = "false", Type = "bool" },
        new("ModelsLockedMode", "Whether it is an error if the lock file would have to change; for CI.") { Default = "false", Type = "bool" },
        new("ModelsOffline", "Whether the network must not be used.") { Default = "false", Type = "bool" },
        .. Defaultable.Select(metadata => metadata with { Name = metadata.Name.StartsWith("Merge", StringComparison.Ordinal) ? metadata.Name : "Merge" + metadata.Name, Description = $"{metadata.Name} of all merges that do not set it." }),
    ];

    /// <summary>The targets.</summary>
    public static IReadOnlyList<SurfaceName> Targets { get; } =
    [
        new("MergeModels", "Makes every merge that is not up to date; part of every build."),
        new("RestoreModels", "Fetches and verifies models from elsewhere; part of every build that needs one."),
        new("PlanMerges", "Says what a build would do, and why."),
        new("ValidateMerges", "Checks declarations, recipes and the inputs' headers without reading tensor data."),
        new("EvaluateMerges", "Measures merges beside their base and sources; a merge that misses a threshold is an error."),
        new("CleanMergeCache", "Removes the cached scores and digests."),
        new("GetMergedModels", "Returns the folders of the project's merged models, made first if need be."),
    ];

    private static SurfaceName Of(string name, RecipeForm form, string description) => new(name, description)
    {
        Values = form is RecipeForm.Text text ? text.Values : [],
        IsList = form is RecipeForm.Texts,
        Type = form switch
        {
            RecipeForm.Flag => "bool",
            RecipeForm.WholeNumber => "int",
            RecipeForm.Reference => "file-or-folder",
            _ => "string",
        },
    };
}
