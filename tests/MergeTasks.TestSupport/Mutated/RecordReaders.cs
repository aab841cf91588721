using System.Text;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Devices;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Sources;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Hub;
using MergeTasks.Sources.Packages;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>Readers of what this project's own earlier runs, other tools and servers have written.</summary>
internal static class RecordReaders
{
    private const string LockText =
        """{"version":1,"models":{"hf:org/name@main":{"type":"hub","resolved":"0123456789012345678901234567890123456789","files":{"config.json":{"size":3,"sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}},"nuget:A/1.0.0":{"type":"nuget","resolved":"1.0.0","contentHash":"HASH","files":{"x":{"size":1,"sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}}}}""";

    private const string Restored =
        """{"Format":1,"Models":[{"Key":"hf:org/name@main","Folder":"/x","Locked":{"Type":"hub","Resolved":"0123456789012345678901234567890123456789","ContentHash":null,"Files":{"config.json":{"Size":3,"Sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}}}]}""";

    private const string Manifest =
        """{"format":2,"tool":"t","name":"m","recipe":"r","settings":{"seed":"1"},"inputs":[{"model":"a","role":"base","digest":"d","source":{"reference":"hf:a/b@main","resolved":"1","files":{"x":"y"}},"licences":["mit"]}],"files":{"config.json":"d"},"tensors":{"w":{"file":"model.safetensors","key":"k","checksum":"c"}},"importance":{"base":"a","scores":[{"score":"s","model":"a","data":null,"key":"k","from":{"a":"b"}}],"models":[{"model":"a","importance":0.5,"weight":1,"changed":3,"kept":{"l":0.5},"verified":{"layer":{"spearman":1,"relativeError":0}}}]},"evaluations":[{"data":"d","of":"o","results":[{"model":"m","role":"merge","measure":"perplexity","value":1.5,"meanLogProbability":-1,"count":3}]}]}""";

    private const string Owner =
        """{"Format":1,"Project":"/p/p.csproj","Merge":"m","Folder":"/p/out/m","Files":[{"Name":"model.safetensors","Length":8,"Digest":"d"},{"Name":"1_P/config.json","Length":2,"Digest":"e"}],"Preparing":["model.safetensors"]}""";

    private const string Answer =
        """[{"type":"file","oid":"0123456789012345678901234567890123456789","size":12,"path":"config.json"},{"type":"file","oid":"0123456789012345678901234567890123456789","size":12,"path":"model.safetensors","lfs":{"oid":"0123456789012345678901234567890123456789012345678901234567890123","size":34}},{"type":"directory","path":"x"}]""";

    private const string Assets =
        """{"packageFolders":{"/packages/":{}},"libraries":{"libtorch-cpu-linux-x64/1.0":{"path":"libtorch","files":["runtimes/linux-x64/native/libtorch.so"]}}}""";

    public static IEnumerable<MutatedReader> In(string folder)
    {
        string Put(string name, byte[] content) => MutatedReaders.Put(folder, name, content);

        var lockText = LockText.Replace("HASH", Convert.ToBase64String(new byte[64]), StringComparison.Ordinal);
        yield return new("lock", MutationKind.Json, lockText, bytes => SourceSchemes.ReadLock(Put("models.lock.json", bytes)));
        yield return new("restored", MutationKind.Json, Restored, bytes =>
        {
            File.WriteAllBytes(RestoreRecord.PathIn(folder), bytes);
            if (!RestoreRecord.Read(folder).All(SourceSchemes.IsSound))
                throw new InvalidOperationException("An entry that is not sound was believed.");
        })
        { ReadsAnything = true };
        yield return new("manifest", MutationKind.Json, Manifest, bytes =>
        {
            Put(MergedFiles.Manifest, bytes);
            if (MergeManifest.Read(folder) is { } manifest)
            {
                var inputs = manifest.Inputs.Select(input =>
                    input.Model + input.Source?.Reference + string.Concat(input.Licences ?? []));
                _ = manifest.ToBytes().Length + string.Concat(manifest.FileNames.Concat(inputs)).Length;
            }
        })
        { ReadsAnything = true };
        yield return new("owner", MutationKind.Json, Owner, bytes =>
        {
            Put(MergedFiles.Owner, bytes);
            if (OwnershipRecord.Read(folder, out var fault) is { } record)
            {
                if (record.Files.Select(file => file.Name).Concat(record.Preparing).Any(name => LeadsOut(folder, name)))
                    throw new InvalidOperationException("A name that leads out of the folder was believed.");
                record.ToBytes();
            }
            else if (string.IsNullOrEmpty(fault))
            {
                throw new InvalidOperationException("It says nothing.");
            }
        })
        { ReadsAnything = true };
        var declared = Declarations();
        yield return new("declarations", MutationKind.Json, declared, bytes =>
            RecordFile.Read<List<MergeDeclaration>>(Put("declarations.json", bytes)));
        yield return new("assets", MutationKind.Json, Assets, bytes => TorchPackages.Read(Put("project.assets.json", bytes)))
        {
            ReadsAnything = true,
        };
        yield return new("hub's list", MutationKind.Json, Answer, bytes =>
        {
            using var json = StrictJson.Parse(bytes, "org/name");
            foreach (var file in HubFile.Read(json.RootElement, "org/name"))
            {
                if (LeadsOut(folder, file.Name))
                    throw new InvalidOperationException("A name that leads out of the folder was believed.");
            }
        });
        var cache = new HubCache(folder, "org/name");
        cache.SetRef("main", new string('a', 40));
        yield return new("hub's branch", MutationKind.Bytes, new string('a', 40) + "\n", bytes =>
        {
            File.WriteAllBytes(Path.Combine(cache.Folder, "refs", "main"), bytes);
            _ = cache.Ref("main");
        })
        { ReadsAnything = true };
        var package = new PackageFolder(folder, "A", "1.0.0");
        Directory.CreateDirectory(package.Folder);
        yield return new("package", MutationKind.Json, """{"version":2,"contentHash":"abc=","source":"x"}""", bytes =>
        {
            MutatedReaders.Put(package.Folder, ".nupkg.metadata", bytes);
            _ = package.ContentHash();
        })
        { ReadsAnything = true };
        yield return Digests(folder);
        yield return Scores(folder);
    }

    // As they are, and with the checksum that a mutated entry would have.
    private static MutatedReader Digests(string folder)
    {
        var memo = new DigestMemo(Path.Combine(folder, "memo"));
        var (file, stamp) = (Path.Combine(folder, "digested"), new FileStamp(1, 2, 3, 4));
        memo.Remember(file, DigestKind.Sha256, new FileDigests(stamp, 5, new Dictionary<string, ContentDigest>
        {
            ["a"] = ContentDigest.Of("a"),
            ["b c"] = ContentDigest.Of("b"),
        }));
        var entry = Directory.EnumerateFiles(Path.Combine(folder, "memo"), "*.txt", SearchOption.AllDirectories).Single();
        var sound = File.ReadAllBytes(entry);
        var body = sound[..(sound.AsSpan(0, sound.Length - 1).LastIndexOf((byte)'\n') + 1)];
        return new MutatedReader("digests", MutationKind.Bytes, [sound, body], bytes =>
        {
            File.WriteAllBytes(entry, bytes);
            _ = memo.Find(file, DigestKind.Sha256, stamp);
            File.WriteAllBytes(entry, [.. bytes, .. Encoding.ASCII.GetBytes($"{ContentDigest.Of(bytes)} end\n")]);
            _ = memo.Find(file, DigestKind.Sha256, stamp);
        })
        { ReadsAnything = true };
    }

    // An entry is what its name says, by the digest in it, and what it says itself.
    private static MutatedReader Scores(string folder)
    {
        var key = new ScoreKey("importance", [new("model", "m"), new("block", "32")]);
        var sound = Path.Combine(folder, "score.safetensors");
        ScoreFile.Write(sound, key, [("a", [1, 2]), ("b", [3])]);
        var bytes = File.ReadAllBytes(sound);
        return new MutatedReader("score", MutationKind.Bytes, [bytes], content =>
        {
            File.WriteAllBytes(sound, content);
            if (ScoreFile.IsOf(sound, key))
                _ = ScoreFile.Read(sound).Count;
        })
        { ReadsAnything = true };
    }

    private static bool LeadsOut(string folder, string name) =>
        !Path.GetFullPath(Path.Combine(folder, name)).StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static string Declarations()
    {
        using var space = new MergeWorkspace();
        foreach (var model in new[] { "a", "b" })
            space.Model(model, ("w", RawTensor.F32([2], 1, 2)));
        space.Merge("m", ("Method", "ties"), ("Base", "models/a"), ("TokenizerSource", "union"), ("ChatTemplate", "chatml"));
        space.Source("models/b", ("Weight", "[0, 0.5, 1]"), ("Density", "0.5"));
        return Encoding.UTF8.GetString(RecordFile.ToBytes(space.Declarations()));
    }
}
