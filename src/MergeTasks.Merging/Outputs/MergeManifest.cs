using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs;

/// <summary>
/// <c>merge.manifest.json</c>, written last: what an output was made from, tensor by tensor, so that a later build knows what it can keep
/// and a reader can check. It holds no time and no machine's path, so the same merge has the same manifest everywhere.
/// </summary>
/// <param name="Format">Version of this format.</param>
/// <param name="Tool">Name and version of the tool.</param>
/// <param name="Name">The merge's name.</param>
/// <param name="Recipe">The merge as a recipe.</param>
/// <param name="Settings">Settings that a recipe does not hold: seed, compatibility, a device's arithmetic.</param>
/// <param name="Inputs">The models.</param>
/// <param name="Files">Files beside the weights, with digests.</param>
/// <param name="Tensors">Each tensor's file, key and checksum.</param>
internal sealed record MergeManifest(
    int Format,
    string Tool,
    string Name,
    string Recipe,
    IReadOnlyDictionary<string, string> Settings,
    IReadOnlyList<ManifestInput> Inputs,
    IReadOnlyDictionary<string, string> Files,
    IReadOnlyDictionary<string, ManifestTensor> Tensors)
{
    /// <summary>AIM and APL; absent where neither was used.</summary>
    public ManifestImportance? Importance { get; init; }

    /// <summary>What evaluations have measured; absent where there were none.</summary>
    public IReadOnlyList<ManifestEvaluation>? Evaluations { get; init; }

    /// <summary>Files written from the finished weights; absent where there are none.</summary>
    public IReadOnlyDictionary<string, ManifestExport>? Exports { get; init; }

    /// <summary>The setting that names the arithmetic with which whole matrices were computed, where that was a device's.</summary>
    public const string MatricesSetting = "matrices";

    private const int CurrentFormat = 2;

    private static readonly JsonSerializerOptions Options = new(ReadableJson.Options)
    {
        // Perplexities may be infinite.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
    };

    /// <summary>The manifest of a finished output.</summary>
    /// <param name="output">What it holds.</param>
    /// <param name="checksums">The checksum of each tensor's bytes.</param>
    /// <param name="exports">The checksum of each file written from them.</param>
    /// <param name="cancellation">Ends digesting inputs.</param>
    public static MergeManifest Of(
        MergeOutput output,
        IReadOnlyDictionary<string, ContentDigest> checksums,
        IReadOnlyDictionary<string, ContentDigest> exports,
        CancellationToken cancellation)
    {
        var plan = output.Plan;
        var fileOf = plan.Shards
            .SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName)))
            .ToDictionary(pair => pair.Name, pair => pair.FileName);
        return new MergeManifest(
            CurrentFormat,
            $"MergeTasks {ToolVersion.Text}",
            plan.Name,
            RecipeText.Of(plan.Declaration),
            SettingsOf(plan),
            [.. plan.Models.Select(model => ManifestInput.Of(plan, model, cancellation))],
            output.Files.ToDictionary(file => file.Name, file => file.Digest.ToString()),
            plan.Tensors.ToDictionary(
                tensor => tensor.Output.Name,
                tensor => new ManifestTensor(fileOf[tensor.Output.Name], tensor.Key.ToString(), checksums[tensor.Output.Name].ToString())))
        {
            Importance = ManifestImportance.Of(plan, output.Report),
            Evaluations = output.Evaluations,
            Exports = plan.Exports.Count == 0 ? null : plan.Exports.ToDictionary(
                export => export.FileName, export => new ManifestExport(export.Key.ToString(), exports[export.FileName].ToString())),
        };
    }

    /// <summary>The settings that the manifest names.</summary>
    public static IReadOnlyDictionary<string, string> SettingsOf(MergePlan plan)
    {
        var settings = new Dictionary<string, string>();
        if (plan.IsRandom || plan.Declaration.Apl is { Drop: DropRule.Random, DropLevel: not null })
            settings["seed"] = plan.Declaration.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (plan.Declaration.IsMergekitCompatible)
            settings["compatibility"] = "mergekit";
        if (plan.Tensors.FirstOrDefault(tensor => tensor.Context?.Device is not null)?.Context!.Device is { } device)
            settings[MatricesSetting] = device.NumericsVersion;
        return settings;
    }

    /// <summary>Names of the files that it describes: all of the output but the manifest itself.</summary>
    [JsonIgnore]
    public IEnumerable<string> FileNames =>
        Files.Keys.Concat(Tensors.Values.Select(tensor => tensor.File)).Concat(Exports?.Keys ?? []).Distinct();

    /// <summary>Reads the manifest of an output folder; <see langword="null"/> where there is none that this version can read.</summary>
    public static MergeManifest? Read(string folder) => Read(folder, out _);

    /// <summary>As <see cref="Read(string)"/>.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="fault">Why it is not read although there is one, beginning with its name.</param>
    internal static MergeManifest? Read(string folder, out string? fault)
    {
        fault = null;
        var path = Path.Combine(folder, MergedFiles.Manifest);
        try
        {
            if (StrictJson.Read<MergeManifest>(path, Options) is { Format: CurrentFormat } manifest
                && manifest is { Tensors: not null, Files: not null, Inputs: not null, Recipe: not null, Settings: not null }
                && manifest.IsComplete)
                return manifest;
        }
        catch (FileFault e) when (e.Kind == FileFaultKind.Missing)
        {
            return null;
        }
        catch (FileFault)
        {
            // Damaged, or of another version, whose objects need not fit.
        }

        fault = FormatOf(path) is { } format and not CurrentFormat
            ? $"{MergedFiles.Manifest} has format {format}, and this version knows format {CurrentFormat}"
            : $"{MergedFiles.Manifest} is damaged";
        return null;
    }

    private static int? FormatOf(string path)
    {
        try
        {
            return StrictJson.Read<FormatOnly>(path, Options).Format;
        }
        catch (FileFault)
        {
            return null;
        }
    }

    // A manifest edited by hand may hold anything, also names that lead out of its folder.
    private bool IsComplete =>
        Importance?.IsComplete != false && Evaluations?.All(evaluation => evaluation is { IsComplete: true }) != false &&
        Inputs.All(input =>
            input is { Model: not null, Role: not null, Digest: not null }
                && input.Source?.IsComplete != false
                && input.Adapter?.IsComplete != false
                && input.Licences?.All(licence => licence is not null) != false)
        && Settings.Values.All(value => value is not null)
        && Files.Values.All(digest => digest is not null)
        && Tensors.Values.All(tensor => tensor is { File: not null, Key: not null, Checksum: not null })
        && Exports?.Values.All(export => export is { Key: not null, Checksum: not null }) != false
        && FileNames.All(MergedFiles.IsName);

    private sealed record FormatOnly(int? Format);

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Options), (byte)'\n'];
}

/// <summary>A model that an output was made from.</summary>
/// <param name="Model">As the user named it.</param>
/// <param name="Role"><c>base</c> or <c>model</c>.</param>
/// <param name="Digest">Digest over the names and digests (or, of another merge's output, keys) of all its tensors.</param>
internal sealed record ManifestInput(string Model, string Role, string Digest)
{
    /// <summary>Where it comes from by the lock file; absent for folders and other merges.</summary>
    public ManifestSource? Source { get; init; }

    /// <summary>Where the adapter on it comes from by the lock file; absent for folders, and where there is none.</summary>
    public ManifestSource? Adapter { get; init; }

    /// <summary>The licences that its card names; absent where it names none.</summary>
    public IReadOnlyList<string>? Licences { get; init; }

    /// <summary>Describes an input.</summary>
    public static ManifestInput Of(MergePlan plan, OpenModel model, CancellationToken cancellation)
    {
        var (declaration, input) = model;
        var content = input.Names.Select(name => $"{input.Identity(name, cancellation)} {name}\n");
        var isBase = plan.Declaration.Base is { } baseModel && declaration.IsSameModel(baseModel);
        return new ManifestInput(declaration.Label, isBase ? "base" : "model", ContentDigest.Of(content).ToString())
        {
            Source = ManifestSource.Of(declaration.Remote, declaration.Locked),
            Adapter = ManifestSource.Of(declaration.Adapter?.Remote, declaration.Adapter?.Locked),
            Licences = input.Licences(declaration.Label) is { Count: > 0 } licences
                ? [.. licences.Select(licence => licence.Licence).Distinct()]
                : null,
        };
    }
}

/// <summary>One tensor of an output.</summary>
/// <param name="File">The weight file.</param>
/// <param name="Key">What it was made from and how, as a digest.</param>
/// <param name="Checksum">Checksum of its bytes (<see cref="DigestKind.Checksum"/>), for more than 1 MiB over the checksum of each
/// MiB.</param>
internal sealed record ManifestTensor(string File, string Key, string Checksum);

/// <summary>A file that was written from an output's finished weights.</summary>
/// <param name="Key">What it was made from and how, as a digest.</param>
/// <param name="Checksum">Checksum of its bytes (<see cref="DigestKind.Checksum"/>).</param>
internal sealed record ManifestExport(string Key, string Checksum);
