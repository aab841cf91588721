using MergeTasks.Language.Experts;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.BuiltIn;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// Everything that a project file can say. Checks of spelling take names from here; the reference and the schema for editors are generated
/// from it.
/// </summary>
internal static class ProjectSurface
{
    private static readonly SurfaceName Parameters = new(
        "Parameters", "More of the method's parameters, as name=value pairs.")
    { IsList = true };

    /// <summary>A merge.</summary>
    public static SurfaceItem MergedModel { get; } = new(
        "MergedModel", "A merge, whose output is a model folder.", "A name, or a recipe file (.yml, .yaml).",
        [
            new("Method", "How tensors are merged.")
            {
                Values = [.. MergeMethods.All.Concat(MergeMethods.Assembling).Select(method => method.Name)],
            },
            new("Base", "The base model: a folder, a reference, or another merge's name.") { Type = "file-or-folder" },
            new(ItemMetadata.BaseAdapter, "A LoRA adapter for the base.") { Type = "file-or-folder" },
            Parameters,
            new(ItemMetadata.TokenizerSource, "Where the models' vocabularies differ: union, base, or one of the models."),
            new(ItemMetadata.TokenizerPadToMultipleOf, "Rows of the embeddings are made a multiple of this.") { Type = "int" },
            new(ItemMetadata.ChatTemplate, "auto, the name of a built-in template, or a Jinja template."),
            .. MergeOptions.All.Select(Of),
            .. MixtureDeclaration.Options.Select(Of),
            new("MergedModelName", "The merge's name; default: the item's value, a recipe's file name without extension."),
            new("OutputDirectory", "The output's folder; default: one of the merge's name in MergedModelsOutputPath.") { Type = "folder" },
            new(CarriedOutput.Publish, "How publish copies the model; true and false are PreserveNewest and Never.")
            {
                Default = CarriedOutput.PreserveNewest, Values = CarriedOutput.Modes,
            },
            new(CarriedOutput.Output, "How building copies it into models/ beside the program, and beside those of referring projects.")
            {
                Default = CarriedOutput.Never, Values = CarriedOutput.Modes,
            },
            new(CarriedOutput.Pack, "Whether pack carries it.") { Default = "true", Type = "bool" },
        ]);

    /// <summary>A model that goes into a merge.</summary>
    public static SurfaceItem MergeSource { get; } = new(
        "MergeSource", "A model that goes into a merge.", "A model folder, a reference, or another merge's name.",
        [
            new("Into", "The merge; may be left out where there is one.") { IsList = true },
            new("As", "The model's name in a recipe."),
            new(ItemMetadata.Adapter, "A LoRA adapter for the model.") { Type = "file-or-folder" },
            Of(DataFile.OfTask) with { Type = "file" },
            .. ExpertItems.Surface,
            Parameters,
        ]);

    /// <summary>What merges are measured on.</summary>
    public static SurfaceItem MergeEvaluation { get; } = new(
        "MergeEvaluation",
        "Texts or samples that EvaluateMerges measures a merge on.",
        "A .jsonl file; the keys of its first line say what it measures.",
        [
            new("Into", "The merge; may be left out where there is one.") { IsList = true },
            .. EvaluationDeclaration.Options.Select(Of),
        ]);

    /// <summary>A search for a merge's settings.</summary>
    public static SurfaceItem MergeSearch { get; } = new(
        "MergeSearch",
        "A search for the best settings of a merge, which SearchMerges runs; builds use what it has found.",
        "The merge's name.",
        [
            new("Evaluate", "Files of texts or samples (.jsonl) on which candidates are measured; a part of each is held out.")
            {
                IsList = true, Type = "file",
            },
            .. SearchDeclaration.Options.Select(Of),
            new("Guard", "file:number, of files of Evaluate: the least that 1 − L/L₀ may be there, L the candidate's mean −ln p and L₀ the "
                + "base's, such as eval/chat.jsonl:-0.02.") { IsList = true },
            new("SearchFile", "What the search has found; meant to be committed. Default: the merge's name with .search.json, beside the "
                + "project.") { Type = "file" },
        ]);

    /// <summary>A setting that a search tries values of.</summary>
    public static SurfaceItem MergeSearchAxis { get; } = new(
        "MergeSearchAxis",
        "A setting that a search tries several values of.",
        "Method, metadata that sets a parameter of the methods, MergeFactor, or a setting of AIM or APL.",
        [
            new("Into", "The searched merge; may be left out where there is one.") { IsList = true },
            new("Values", "The values to try.") { IsList = true },
            new("Range", "The smallest and the largest number to try, such as 0.2..1.4."),
            new("Scale", "log: equal ratios of a range are equally far apart.") { Values = ["linear", "log"], Default = "linear" },
            new("Layers", "How many numbers of the range are chosen, spread evenly over the layers: a gradient.")
            {
                Default = "1", Type = "int",
            },
            new("Source", "The model whose own parameter it is; default: the merge's, in the place of the models' own."),
        ]);

    /// <summary>Methods that are not built in.</summary>
    public static SurfaceItem MergeMethod { get; } = new(
        "MergeMethod",
        "An assembly with merge methods of your own or somebody else's, which merges name like those that are built in.",
        "A .dll file.",
        []);

    /// <summary>What this package adds to references to other projects.</summary>
    public static SurfaceItem ProjectReference { get; } = new(
        "ProjectReference", "A reference to another project, whose merged models become sources.", "The other project's file.",
        [
            new("MergeInto", "The merge that takes the other project's model."),
            new("FromMerge", "Which of the other project's merges; default: all."),
            new("As", "The model's name in a recipe."),
        ]);

    /// <summary>All item types.</summary>
    public static IReadOnlyList<SurfaceItem> Items { get; } = [
        MergedModel, MergeSource, MergeMethod, MergeEvaluation, MergeSearch, MergeSearchAxis, ProjectReference,
    ];

    /// <summary>Metadata that sets a parameter, and what it says in the methods that have it.</summary>
    public static IReadOnlyList<SurfaceName> ParameterMetadata { get; } =
    [
        .. MergeMethods.All.SelectMany(method => method.Parameters.Select(parameter => (Method: method.Name, Parameter: parameter)))
            .GroupBy(pair => pair.Parameter.MetadataName, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group =>
                new SurfaceName(
                    group.Key, $"{group.First().Parameter.Description} Of {string.Join(", ", group.Select(pair => pair.Method))}.")),
    ];

    /// <summary>The properties.</summary>
    public static IReadOnlyList<SurfaceName> Properties { get; } =
    [
        .. ProjectProperties.All,
        new("MergeModelsDependsOn", "Targets of the project's own that run before merges are planned, such as those that add items.")
        {
            IsList = true,
        },
        .. MergeOptions.All.Where(option => option.IsProjectWide)
            .Select(option => Of(option) with
            {
                Name = option.PropertyName,
                Description = $"{option.Metadata} of all merges that do not set it.",
            }),
    ];

    /// <summary>The targets.</summary>
    public static IReadOnlyList<SurfaceName> Targets { get; } =
    [
        new("MergeModels", "Makes every merge that is not up to date; part of every build."),
        new("RestoreModels", "Fetches and verifies models from elsewhere; part of every build that needs one."),
        new("PlanMerges", "Says what a build would do, and why."),
        new("ValidateMerges", "Checks declarations, recipes and the inputs' headers without reading tensor data."),
        new("EvaluateMerges", "Measures merges beside their base and sources; a merge that misses a threshold is an error."),
        new("SearchMerges", "Searches the best settings of merges that have a MergeSearch, and writes what it found for builds to use."),
        new("PlanScores", "Lists the scores that merges need as pieces (MergeScorePiece) that machines may compute side by side."),
        new("RunScore", "Computes one of these pieces, or every n-th (Piece), into the cache."),
        new("ReportMerges", "Writes a page about each merge beside its output, name.report.html; EvaluateMerges does so too."),
        new("CleanMergeCache", "Removes the cached scores and digests."),
        new("GetMergedModels", "Returns the folders of the project's merged models, made first if need be."),
        new("BeforeMergeModels", "Empty, for the project to define: runs before merges are planned."),
        new("AfterMergeModels", "Empty, for the project to define: runs when all models are there."),
    ];

    private static SurfaceName Of(MergeOption option)
    {
        var forms = option.Form is RecipeForm.Either either ? either.Forms : [option.Form];
        return new SurfaceName(option.Metadata, option.Description)
        {
            Default = option.DefaultText,
            IsList = option.Form.TakesList,
            Values = forms switch
            {
                [RecipeForm.Text text] => text.Values,
                [RecipeForm.WholeNumber { Maximum: { } most } whole] when most == whole.Minimum + 1 => [$"{whole.Minimum}", $"{most}"],
                _ => [],
            },
            Type = forms[0] switch
            {
                RecipeForm.Flag => "bool",
                RecipeForm.WholeNumber => "int",
                RecipeForm.Reference => "file-or-folder",
                _ => "string",
            },
        };
    }
}
