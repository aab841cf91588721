using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns project items and the recipes they name into merge declarations, reporting every mistake it meets.</summary>
public sealed class DeclarationReader
{
    private const string DefaultMaxShardSize = "5GB";

    private readonly ProjectDefaults _project;
    private readonly List<Diagnostic> _diagnostics = [];
    private readonly ModelReferences _references;
    private readonly DeclarationValidator _validator;
    private readonly TokenizerDeclarations _tokenizers;

    private DeclarationReader(ProjectDefaults project, IReadOnlyCollection<string> names)
    {
        _project = project;
        _references = new ModelReferences(names);
        _validator = new DeclarationValidator(_diagnostics.Add);
        _tokenizers = new TokenizerDeclarations(_diagnostics.Add);
    }

    /// <summary>Reads all merges of a project.</summary>
    /// <param name="project">What holds for all of them.</param>
    /// <param name="merges">The <c>MergedModel</c> items.</param>
    /// <param name="sources">The <c>MergeSource</c> items.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public static IReadOnlyList<MergeDeclaration> Read(ProjectDefaults project, IReadOnlyList<DeclaredItem> merges, IReadOnlyList<DeclaredItem> sources)
    {
        var early = new List<Diagnostic>();
        var declared = merges.SelectMany((item, index) => DeclaredMerge.Of(project, item, early.Add).Select(merge => merge with { Index = index })).ToList();
        var reader = new DeclarationReader(project, [.. declared.Select(merge => merge.Name)]);
        reader._diagnostics.AddRange(early);
        foreach (var item in merges)
            ItemMetadata.CheckSpelling(item, reader._diagnostics.Add);
        var names = new MergeNames(declared, reader._diagnostics.Add);
        names.Check();
        var assigned = names.Assign(sources);
        var declarations = new List<MergeDeclaration>();
        foreach (var merge in declared)
        {
            try
            {
                if (reader.ReadMerge(merge, assigned[merge.Name]) is { } declaration)
                    declarations.Add(declaration);
            }
            catch (DiagnosticException e)
            {
                reader._diagnostics.AddRange(e.Diagnostics);
            }
        }

        reader._diagnostics.AddRange(OutputFolders.Check(declarations));
        if (reader._diagnostics.Count > 0)
            throw new DiagnosticException(reader._diagnostics);
        return MergeOrder.Sort(declarations);
    }

    private MergeDeclaration? ReadMerge(DeclaredMerge merge, List<DeclaredItem> sources) =>
        merge.Recipe is { } recipe ? ReadRecipe(merge, recipe, sources)
        : DeclaredMerge.RecipePath(_project, merge.Item) is null ? ReadItems(merge, sources)
        : null;

    private MergeDeclaration? ReadItems(DeclaredMerge merge, List<DeclaredItem> sources)
    {
        var item = merge.Item;
        if (item["Method"] is not { } method)
        {
            _diagnostics.Add(new Diagnostic(DiagnosticCode.MissingMethod, $"Merge '{merge.Name}' does not say which Method to use (a recipe file would end in .yml or .yaml).", item.Location));
            return null;
        }

        var models = sources.ConvertAll(source => Source(source) with { Parameters = ItemMetadata.ReadSettings(source, _diagnostics.Add) });
        var declaration = Common(merge) with
        {
            Method = method,
            Base = item["Base"] is { } basis ? Base(item, _references.Resolve(basis, item.LocationOf("Base"), _project.Folder)) : null,
            Models = models,
            Parameters = ItemMetadata.ReadSettings(item, _diagnostics.Add),
        };
        declaration = _tokenizers.Read(WithImportance(declaration, item, null), item, text => _references.Resolve(text, item.LocationOf(ItemMetadata.TokenizerSource), _project.Folder));
        _validator.Check(declaration, item.LocationOf("Method"),
            [.. models.Select((model, i) => new SettingsScope(model.Parameters, true, name => LocationOfParameter(sources[i], name))), new SettingsScope(declaration.Parameters, false, name => LocationOfParameter(item, name))]);
        return declaration;
    }

    private MergeDeclaration ReadRecipe(DeclaredMerge merge, RecipeDocument recipe, List<DeclaredItem> sources)
    {
        var folder = Path.GetDirectoryName(recipe.Location.File)!;
        var bound = Bind(recipe, merge.Documents, sources);
        var common = Common(merge);
        var (declaration, scopes) = new RecipeDeclarations(recipe, Bound).Fill(common with
        {
            DType = recipe.DType ?? common.DType,
            OutDType = recipe.OutDType ?? common.OutDType,
            IsStrict = recipe.IsStrict ?? common.IsStrict,
            PostWeightsPosition = recipe.PostWeightsPosition ?? common.PostWeightsPosition,
            Tensors = new TensorSelection(
                recipe.MergedTensors.Count > 0 ? recipe.MergedTensors : common.Tensors.Merged,
                recipe.KeptTensors.Count > 0 ? recipe.KeptTensors : common.Tensors.Kept)
            {
                Location = recipe.GlobsLocation ?? common.Tensors.Location,
            },
        });
        declaration = _tokenizers.Read(WithImportance(declaration, merge.Item, recipe), recipe, Bound);
        _validator.Check(declaration, recipe.Method.Location, scopes);
        return declaration;

        ModelDeclaration Resolved(string reference, SourceLocation location) => bound.TryGetValue(reference, out var source)
            ? source with { Label = reference, Location = location }
            : _references.Resolve(reference, location, folder, _project.Folder);

        ModelDeclaration Bound(RecipeModel model)
        {
            var named = Resolved(model.Reference, model.Location);
            if (model.Adapter is { } adapter)
                named = ModelReferences.WithAdapter(named, Resolved(adapter.Reference, adapter.Location));
            return model.TaskData is { } data ? named with { TaskData = Data(data, folder) } : named;
        }
    }

    // Sources of a recipe bind the names it uses, so that a recipe need not know where a model comes from.
    private Dictionary<string, ModelDeclaration> Bind(RecipeDocument recipe, IReadOnlyList<RecipeDocument> documents, List<DeclaredItem> sources)
    {
        var bound = new Dictionary<string, ModelDeclaration>(StringComparer.Ordinal);
        var used = Names(recipe);
        foreach (var source in sources)
        {
            var name = source["As"] ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Include.Replace('\\', '/')));
            if (used.Contains(name))
                bound[name] = Source(source);
            else if (!documents.Any(document => Names(document).Contains(name)))
                _diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto, $"The recipe names no model '{name}' for MergeSource '{source.Include}'.{Suggestion.Sentence(name, used)}", source.Location));
        }

        return bound;

        static List<string> Names(RecipeDocument document) =>
            [.. document.NamedModels.SelectMany(model => new[] { model.Reference, model.Adapter?.Reference }).OfType<string>().Distinct()];
    }

    private ModelDeclaration Base(DeclaredItem item, ModelDeclaration basis) =>
        item[ItemMetadata.BaseAdapter] is { } adapter ? ModelReferences.WithAdapter(basis, _references.Resolve(adapter, item.LocationOf(ItemMetadata.BaseAdapter), _project.Folder)) : basis;

    private ModelDeclaration Source(DeclaredItem source)
    {
        var model = _references.Resolve(source.Include, source.Location, _project.Folder) with { Label = source["MergedModelName"] ?? source.Include };
        if (source[ItemMetadata.Adapter] is { } adapter)
            model = ModelReferences.WithAdapter(model, _references.Resolve(adapter, source.LocationOf(ItemMetadata.Adapter), _project.Folder));
        return model with
        {
            Label = source["As"] ?? model.Label,
            TaskData = source[ImportanceOption.TaskData] is { } data ? Data(new WrittenOption(data, source.LocationOf(ImportanceOption.TaskData))) : null,
        };
    }

    // A recipe's settings come before the item's, the item's before the project's.
    private MergeDeclaration WithImportance(MergeDeclaration merge, DeclaredItem item, RecipeDocument? recipe)
    {
        string[] folders = recipe is null ? [] : [Path.GetDirectoryName(recipe.Location.File)!];
        var reader = new ImportanceReader(merge.Name, Find, written => DataPath(written.Text, folders, written.Location), _diagnostics.Add);
        var aim = reader.ReadAim(recipe?.AimLocation);
        var apl = reader.ReadApl();
        var basis = Find(ImportanceOption.Base) is { } named ? _references.Resolve(named.Text, named.Location, [.. folders, _project.Folder]) : null;
        merge = merge with { Aim = aim, Apl = apl, ImportanceBase = basis };
        merge = merge with { Factor = reader.ReadFactor(HasUsualFactor(merge) ? merge.Location : null) };
        merge = merge with { ChecksItself = reader.ReadSelfCheck() && (aim is not null || apl is not null || merge.Factor is { Value: null }) };
        return merge.Aim is null && merge.Apl is null && merge.Factor is null ? merge with { ImportanceBase = null } : merge;

        WrittenOption? Find(ImportanceOption option) =>
            recipe?.Importance.GetValueOrDefault(option)
            ?? (Value(item, option.Metadata) is { } value
                ? new WrittenOption(value, item[option.Metadata] is null ? item.Location : item.LocationOf(option.Metadata))
                : null);
    }

    // All models can be measured, and nothing else says how large the merged change is.
    private static bool HasUsualFactor(MergeDeclaration merge)
    {
        var tuned = merge.Models.Where(model => merge.Base is null || !model.IsSameModel(merge.Base)).ToList();
        var isSized = merge.Models.Select(model => model.Parameters).Append(merge.Parameters).Any(parameters => parameters.ContainsKey("lambda") || parameters.ContainsKey("t"));
        return (merge.Base ?? merge.ImportanceBase) is not null && merge is { IsWhole: true, IsMergekitCompatible: false } && tuned.Count > 1
            && tuned.TrueForAll(model => model.TaskData is not null) && !isSized;
    }

    private DataFile Data(WrittenOption written, params IReadOnlyList<string> folders) => new(written.Text, DataPath(written.Text, folders, written.Location), written.Location);

    private string DataPath(string text, IReadOnlyList<string> folders, SourceLocation location)
    {
        var candidates = folders.Append(_project.Folder).Select(folder => UserPath.Full(folder, text, () => location)).ToList();
        return candidates.Find(File.Exists) ?? candidates[^1];
    }

    private MergeDeclaration Common(DeclaredMerge merge)
    {
        var (item, name) = (merge.Item, merge.Name);
        var folder = item["OutputDirectory"] is { } own && !merge.IsIntermediate
            ? UserPath.Full(_project.Folder, own, () => item.LocationOf("OutputDirectory")) : UserPath.Full(_project.ModelsFolder, name, () => item.Location);
        var size = Value(item, "MaxShardSize") ?? DefaultMaxShardSize;
        if (ByteSize.Parse(size) is not { } maxShardSize)
        {
            _diagnostics.Add(ItemMetadata.Invalid(item, "MaxShardSize", $"MaxShardSize '{size}' is not a size such as 5GB, 512MiB or 0 for a single file."));
            maxShardSize = 0;
        }

        var seedText = Value(item, "Seed") ?? "0";
        if (!long.TryParse(seedText, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var seed))
            _diagnostics.Add(ItemMetadata.Invalid(item, "Seed", $"Seed '{seedText}' is not a whole number."));
        var compatibility = Value(item, "Compatibility");
        if (compatibility is not (null or "mergekit" or "none"))
            _diagnostics.Add(ItemMetadata.Invalid(item, "Compatibility", $"Compatibility is 'none' or 'mergekit', not '{compatibility}'."));
        var nonFinite = Value(item, "NonFinite");
        if (nonFinite is not (null or "error" or "keep"))
            _diagnostics.Add(ItemMetadata.Invalid(item, "NonFinite", $"NonFinite is 'error' or 'keep', not '{nonFinite}'."));
        var hash = Value(item, ItemMetadata.HashWeights) ?? "false";
        if (!bool.TryParse(hash, out var hashesWeights))
            _diagnostics.Add(ItemMetadata.Invalid(item, ItemMetadata.HashWeights, $"{ItemMetadata.HashWeights} is 'true' or 'false', not '{hash}'."));
        return new MergeDeclaration(name, item.Location)
        {
            HashesWeights = hashesWeights,
            KeepsNonFinite = nonFinite == "keep",
            Method = "",
            Models = [],
            ItemIndex = merge.Index,
            IsIntermediate = merge.IsIntermediate,
            DType = ReadDType(item, "DType"),
            OutDType = ReadDType(item, "OutDType"),
            IsStrict = ReadFlag(item, "Strict"),
            PostWeightsPosition = ReadFlag(item, "PostWeightsPosition") ? 1 : 0,
            Tensors = new TensorSelection(Globs(item, "MergeTensors"), Globs(item, "KeepTensors"))
            {
                Location = item["MergeTensors"] is not null ? item.LocationOf("MergeTensors") : item["KeepTensors"] is not null ? item.LocationOf("KeepTensors") : null,
            },
            IsMergekitCompatible = compatibility == "mergekit",
            Seed = seed,
            MaxShardSize = maxShardSize,
            ProjectFile = _project.ProjectFile,
            OutputFolder = Path.TrimEndingDirectorySeparator(folder),
        };
    }

    private static string[] Globs(DeclaredItem item, string metadata) =>
        (item[metadata] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private bool ReadFlag(DeclaredItem item, string metadata)
    {
        var text = Value(item, metadata) ?? "false";
        if (SettingText.ParseNumber(text) is not (0 or 1))
            _diagnostics.Add(ItemMetadata.Invalid(item, metadata, metadata == "PostWeightsPosition" ? $"PostWeightsPosition is 0 or 1, not '{text}'." : $"{metadata} is true or false, not '{text}'."));
        return SettingText.ParseNumber(text) == 1;
    }

    private DType? ReadDType(DeclaredItem item, string metadata)
    {
        if (Value(item, metadata) is not { } text)
            return null;
        if (DTypes.FromTorchName(text) is { } dtype && dtype.IsFloatingPoint())
            return dtype;
        _diagnostics.Add(ItemMetadata.Invalid(item, metadata, $"'{text}' is not an element type to merge in.{Suggestion.Sentence(text, [.. DTypes.FloatingPointTorchNames])}"));
        return null;
    }

    private string? Value(DeclaredItem item, string metadata) =>
        item[metadata] ?? (_project.Metadata.TryGetValue(metadata, out var value) && value.Trim().Length > 0 ? value.Trim() : null);

    private static SourceLocation LocationOfParameter(DeclaredItem item, string parameter)
    {
        var metadata = new ParameterDeclaration(parameter, null, "").MetadataName;
        return item.LocationOf(item[metadata] is null ? "Parameters" : metadata);
    }
}
