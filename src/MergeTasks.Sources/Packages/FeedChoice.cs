using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Sources.Contract;
using Feed = NuGet.Configuration.PackageSource;

namespace MergeTasks.Sources.Packages;

/// <summary>
/// Which feeds are asked: those that the project's own restore asked, wherever they were named (<c>RestoreSources</c>,
/// <c>RestoreAdditionalProjectSources</c>, <c>--source</c>, a configuration file), because a build that follows it without restoring no
/// longer knows its options. A project that was not restored has what its properties say, else NuGet's configuration.
/// </summary>
/// <param name="options">What the project says.</param>
/// <param name="configured">The feeds of NuGet's configuration, in its order; they have names and credentials.</param>
internal sealed class FeedChoice(RestoreOptions options, IReadOnlyList<Feed> configured)
{
    /// <summary>The feeds.</summary>
    public IReadOnlyList<Feed> Feeds() =>
        [.. Texts().Distinct(StringComparer.OrdinalIgnoreCase).Select(text => Find(text) ?? new Feed(text))];

    // Restore's list has no order of meaning; the configuration's comes first.
    private IEnumerable<string> Texts() =>
        OfRestore() is { Count: > 0 } asked ? asked.OrderBy(text => configured.TakeWhile(feed => !Means(text, feed)).Count())
        : (options.Sources.Count > 0 ? options.Sources.Where(IsNamed)
            : configured.Where(feed => feed.IsEnabled).Select(feed => feed.Source)).Concat(options.MoreSources).Select(Full);

    // As NuGet does: the word stands for an empty list.
    private static bool IsNamed(string text) => !text.Equals("Clear", StringComparison.OrdinalIgnoreCase);

    private Feed? Find(string text) => configured.FirstOrDefault(feed => Means(text, feed));

    private static bool Means(string text, Feed feed) =>
        feed.Name.Equals(text, StringComparison.OrdinalIgnoreCase)
            || feed.Source.TrimEnd('/', '\\').Equals(text.TrimEnd('/', '\\'), StringComparison.OrdinalIgnoreCase);

    // A path begins at the project; names and addresses stay what they are.
    private string Full(string text) =>
        Find(text) is not null || Uri.TryCreate(text, UriKind.Absolute, out _) ? text : Path.GetFullPath(text, options.ProjectFolder);

    private IReadOnlyList<string> OfRestore()
    {
        try
        {
            if (!File.Exists(options.AssetsFile))
                return [];
            using var json = StrictJson.Read(options.AssetsFile);
            return json.RootElement.TryGetProperty("project", out var project)
                && project.TryGetProperty("restore", out var restore)
                && restore.TryGetProperty("sources", out var sources)
                && sources.ValueKind == JsonValueKind.Object ? [.. sources.EnumerateObject().Select(source => source.Name)] : [];
        }
        catch (Exception e) when (FileFault.Covers(e) || e is InvalidOperationException)
        {
            // NuGet reads it too, and says what is wrong with it.
            return [];
        }
    }
}
