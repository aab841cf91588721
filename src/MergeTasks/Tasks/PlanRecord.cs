using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;

namespace MergeTasks.Tasks;

/// <summary>
/// Remembers that a plan found everything up to date, and what that rested on, so that the next build sees it from file stamps alone.
/// Planning anew costs little too, but most of a build that has nothing to do.
/// </summary>
/// <param name="folder">The folder for generated files.</param>
/// <param name="declared">Digest of everything that was declared.</param>
internal sealed class PlanRecord(string folder, ContentDigest declared)
{
    private const string Format = "mergetasks plan 2";
    private const string OutputsTitle = "outputs";

    /// <summary>Full path of the record in a folder for generated files.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "plan.txt");

    /// <summary>The outputs, if the record is about these declarations and nothing has changed since.</summary>
    /// <returns><see langword="null"/> where there is something to look into.</returns>
    public IReadOnlyList<PlannedOutput>? Find()
    {
        try
        {
            if (!File.Exists(PathIn(folder)))
                return null;
            var lines = InputFile.ReadTextLines(PathIn(folder), InputFile.LongestWritten).ToArray();
            if (lines.Length < 3 || lines[0] != Format || lines[1] != declared.ToString())
                return null;
            var title = Array.IndexOf(lines, OutputsTitle);
            if (title < 0 || StampSnapshot.Take(lines[3..title], FileStamp.Now).Digest.ToString() != lines[2])
                return null;
            var outputs = new List<PlannedOutput>();
            foreach (var line in lines.AsSpan(title + 1))
            {
                var fields = line.Split('\t');
                outputs.Add(new PlannedOutput(
                    fields[0], fields[1], new CarriedOutput(fields[2], fields[3], fields[4] == "+"), fields[5..]));
            }

            return outputs;
        }
        catch (Exception e) when (FileFault.Covers(e) || e is ArgumentException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>Remembers outputs that are up to date.</summary>
    /// <param name="paths">What that rests on.</param>
    /// <param name="since">When (<see cref="FileStamp.Now"/>) planning began; nothing is remembered if anything has changed since.</param>
    /// <param name="outputs">The outputs.</param>
    public void Write(IReadOnlyList<string> paths, long since, IReadOnlyList<PlannedOutput> outputs)
    {
        var snapshot = StampSnapshot.Take(paths, since);
        if (!snapshot.IsSettled || !outputs.All(output => Directory.Exists(output.Folder)))
            return;
        var text = new StringBuilder();
        text.Append(Format).Append('\n').Append(declared).Append('\n').Append(snapshot.Digest).Append('\n');
        text.AppendJoin('\n', paths).Append('\n').Append(OutputsTitle).Append('\n');
        foreach (var (name, target, (publish, copy, isPacked), files) in outputs)
            text.AppendJoin('\t', [name, target, publish, copy, isPacked ? "+" : "-", .. files]).Append('\n');
        AtomicFile.WriteIfDifferent(PathIn(folder), Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Forgets what was remembered.</summary>
    public static void Delete(string folder) => FileFault.During(PathIn(folder), FileAct.Delete, () => File.Delete(PathIn(folder)));
}
