using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Sources;

namespace MergeTasks.Merging.Outputs;

/// <summary>
/// <c>merge.provenance.json</c>: what an output was made from, as a statement that supply-chain tools read and sign (in-toto Statement v1
/// with SLSA provenance v1). Like the manifest it holds no time and no machine, so the same merge has the same statement everywhere.
/// </summary>
/// <remarks>Forms: in-toto.io/Statement/v1, slsa.dev/spec/v1.0/provenance, github.com/package-url.</remarks>
internal static class Provenance
{
    private const string Project = "https://github.com/mergetasks/mergetasks";

    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The statement about a complete output.</summary>
    /// <param name="output">What it holds.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="sha256Of">The SHA-256 of a file of the output.</param>
    public static byte[] Of(MergeOutput output, MergeManifest manifest, Func<string, ContentDigest> sha256Of)
    {
        // The manifest tells each tensor of the weights; hashing the weights themselves costs reading them again.
        var shards = output.Plan.Declaration.HashesWeights ? output.Plan.Shards.Select(shard => shard.FileName) : [];
        var subjects = output.Files.Select(file => file.Name).Append(MergedFiles.Manifest).Concat(shards).Order(StringComparer.Ordinal);
        var statement = new Dictionary<string, object>
        {
            ["_type"] = "https://in-toto.io/Statement/v1",
            ["subject"] = subjects.Select(name => new { name, digest = new { sha256 = sha256Of(name).ToString() } }),
            ["predicateType"] = "https://slsa.dev/provenance/v1",
            ["predicate"] = new
            {
                buildDefinition = new
                {
                    buildType = $"{Project}/blob/main/docs/sources.md#provenance",
                    externalParameters = new { name = manifest.Name, recipe = manifest.Recipe, settings = manifest.Settings },
                    resolvedDependencies = manifest.Inputs.SelectMany(Dependencies),
                },
                runDetails = new { builder = new { id = Project, version = new { MergeTasks = ToolVersion.Text } } },
            },
        };
        return [.. JsonSerializer.SerializeToUtf8Bytes(statement, Options), (byte)'\n'];
    }

    private static IEnumerable<object> Dependencies(ManifestInput input)
    {
        var digest = input.Source is null ? [] : DigestOf(input.Source);
        digest["mergeTasksTensors"] = input.Digest;
        yield return new
        {
            name = input.Model,
            uri = input.Source is null ? null : UriOf(input.Source),
            digest,
            annotations = new
            {
                role = input.Role,
                reference = input.Source?.Reference,
                licences = input.Licences,
                files = input.Source?.Files,
            },
        };
        if (input.Adapter is { } adapter)
            yield return new
            {
                name = adapter.Reference,
                uri = UriOf(
                adapter),
                digest = DigestOf(adapter),
                annotations = new { role = "adapter", files = adapter.Files }
            };
    }

    private static Dictionary<string, string> DigestOf(ManifestSource source)
    {
        if (source.ContentHash is { } hash)
            return new() { ["sha512"] = Convert.ToHexStringLower(Convert.FromBase64String(hash)) };
        return SourceSchemes.Find(source.Reference)?.ResolvedDigest is { } name ? new() { [name] = source.Resolved } : [];
    }

    private static string UriOf(ManifestSource source) =>
        SourceSchemes.Of(source.Reference, (scheme, reference) => scheme.PackageUrl(reference, source.Resolved)) ?? source.Reference;
}
